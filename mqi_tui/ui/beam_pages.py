"""The pages of one beam: its way, its files, its input. Each is made for a width and knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from rich.cells import cell_len

from mqi_tui.domain.job_place import JobPlace
from mqi_tui.domain.records import WORD_IN_HPC_QUEUE, AttemptOutcome, AttemptRecord, BeamRecord
from mqi_tui.domain.status import BeamStatus, retry_at
from mqi_tui.ui.actions import Actions
from mqi_tui.ui.language import N_, _
from mqi_tui.ui.marks import BEAM_MARKS, IN_HPC_QUEUE, Mark, event_mark
from mqi_tui.ui.measured import place_text
from mqi_tui.ui.pages import BLANK, fact, hanging, heading, paragraph, table
from mqi_tui.ui.text import counted, fit, fit_right, one_line
from mqi_tui.ui.timeline import Step, span, steps_of
from mqi_tui.ui.tones import Line, Tone
from mqi_tui.workflow.inspection import (
    BeamFiles,
    BeamHistory,
    Checksum,
    LayerFacts,
    LocalFile,
    Parameters,
    PreparedInput,
)

_SPAN_WIDTH = 8
_DIGEST_WIDTH = 64
_SHORT_DIGEST = 12

_BEFORE_STATES = N_("before this was recorded")

_OUTCOME_MARKS = {
    AttemptOutcome.SUCCEEDED: Mark("✓", Tone.GOOD),
    AttemptOutcome.FAILED: Mark("✗", Tone.BAD),
    AttemptOutcome.LOST: Mark("!", Tone.WARNING),
    AttemptOutcome.CANCELLED: Mark("■", Tone.MUTED),
}
_OPEN_ATTEMPT = Mark("►", Tone.ACTIVE)


def overview_page(
    beam: BeamRecord, history: BeamHistory, place: JobPlace | None, now: datetime, width: int, *, actions: Actions
) -> list[Line]:
    """Why it failed and what helps, its way with times, its attempts. `place`: where its job computes now."""
    steps = steps_of(history.events)
    lines = [*_error(beam, actions, width), heading(_("Timeline (UTC)"))]
    if not steps:
        lines += paragraph(
            _("Nothing has happened yet: the beam is new, {dispatch} in the beam list starts it.").format(
                dispatch=actions.way_to("dispatch_target")
            ),
            Tone.MUTED,
            width,
        )
    day = None
    for step in steps:
        if step.begins.date() != day:
            day = step.begins.date()
            lines.append([(f"{day:%Y-%m-%d}", Tone.MUTED)])
        lines += _step(step, beam, now, width)
    lines += [BLANK, heading(_("Attempts"))]
    if not history.attempts:
        lines += paragraph(_("None yet: an attempt begins when the beam gets a GPU slot."), Tone.MUTED, width)
    for attempt in history.attempts:
        lines += _attempt(attempt, place if attempt.outcome is None else None, now, width)
    return lines


def _error(beam: BeamRecord, actions: Actions, width: int) -> list[Line]:
    if beam.status is not BeamStatus.FAILED:
        return []
    retries = _("retries: it goes on from {stage}.").format(stage=_(retry_at(beam.stage).word))
    return [
        heading(_("Failed while {stage}").format(stage=_(beam.stage.word))),
        *hanging([("✗ ", Tone.BAD)], beam.error or "", Tone.BAD, width),
        *hanging([(f"{actions.way_to('retry_beam')} ", Tone.KEY)], retries, Tone.NORMAL, width),
        *hanging(
            [(f"{actions.way_to('rerun_beam')} ", Tone.KEY)],
            _("runs it again from its beginning."),
            Tone.NORMAL,
            width,
        ),
        BLANK,
    ]


def _step(step: Step, beam: BeamRecord, now: datetime, width: int) -> list[Line]:
    lasting = fit_right(span(step.duration(now)), _SPAN_WIDTH)
    time = (f"{step.begins:%H:%M:%S}  ", Tone.MUTED)
    if step.status is None:
        lines: list[Line] = [[time, (fit(_(_BEFORE_STATES), _state_width()), Tone.MUTED)]]
    else:
        # Of now, the beam itself knows more than its history.
        is_now = step.ends is None and step.status is beam.status
        waits = beam.job_waits if is_now else step.is_in_hpc_queue
        mark, word = (IN_HPC_QUEUE, WORD_IN_HPC_QUEUE) if waits else (BEAM_MARKS[step.status], step.status.word)
        if step.ends is None and not step.status.is_active:
            lasting = " " * _SPAN_WIDTH  # an end has no duration
        state = (fit(f"{mark.glyph} {_(word)}", _state_width()), mark.tone)
        tone = event_mark(step.level).tone if step.level != "info" else Tone.MUTED
        lines = hanging([time, state, (f"{lasting}  ", Tone.NORMAL)], step.message, tone, width)
    for note in step.notes:
        mark = event_mark(note.level)
        head = [(f"{note.at:%H:%M:%S}  ", Tone.MUTED), (f"  {mark.glyph} ", mark.tone)]
        lines += hanging(head, note.message, mark.tone, width)
    return lines


def _state_width() -> int:
    return max(cell_len(_(status.word)) for status in BeamStatus) + 2


def _attempt(attempt: AttemptRecord, place: JobPlace | None, now: datetime, width: int) -> list[Line]:
    mark = _OUTCOME_MARKS[attempt.outcome] if attempt.outcome else _OPEN_ATTEMPT
    place = place or place_of(attempt)
    begins = attempt.submitted_at or attempt.created_at
    lasting = span(max((attempt.ended_at or now) - begins, now - now))
    until = _("to {time}").format(time=f"{attempt.ended_at:%H:%M:%S}") if attempt.ended_at else _("so far")
    began = _("submitted {time}") if attempt.submitted_at else _("opened {time}")
    facts = [
        _("exit code {code}").format(code=attempt.exit_code) if attempt.exit_code is not None else "",
        _("job {job}").format(job=one_line(attempt.hpc_job_id)) if attempt.hpc_job_id else _("no job yet"),
        _("GPU slot {slot}").format(slot=attempt.gpu_id),
        _("on {place}").format(place=place_text(place)) if place is not None else _("host unknown"),
        began.format(time=f"{begins:%Y-%m-%d %H:%M:%S}"),
        f"{until} ({lasting})",
    ]
    word = _(attempt.outcome.value) if attempt.outcome else _("open")
    head = [(f"{attempt.attempt:>2}  ", Tone.STRONG), (fit(f"{mark.glyph} {word}", 12) + " ", mark.tone)]
    return hanging(head, " · ".join(filter(None, facts)), Tone.NORMAL, width)


def place_of(attempt: AttemptRecord) -> JobPlace | None:
    """Where its job computed, as its exit record says; None while that is not known."""
    return JobPlace(attempt.host, attempt.gpu or "", "") if attempt.host else None


def files_page(files: BeamFiles, width: int) -> list[Line]:
    """Local files with sizes and checksums, and what each attempt has on the HPC."""
    lines = [heading(_("Input")), *fact(_("folder"), str(files.input_folder), width)]
    lines += _files(files.inputs, _("None yet: preprocessing makes them."), width)
    lines += [BLANK, heading(_("Results")), *fact(_("folder"), str(files.result_folder), width)]
    lines += _files(files.results, _("None yet: the dose comes home after the beam has computed."), width)
    title = _("On the HPC (nothing is ever deleted there)")
    lines += [BLANK, heading(title), *fact(_("folder"), files.remote_folder, width)]
    for attempt in files.attempts:
        name = _("attempt {number}").format(number=attempt.attempt)
        lines += fact(name, PurePosixPath(attempt.run_folder).name, width)
        if attempt.raw_file is not None and attempt.raw_size is not None:
            raw = f"{PurePosixPath(attempt.raw_file).name}, {_bytes(attempt.raw_size)}"
            lines += fact(f"  {_('raw dose')}", raw, width)
            lines += fact(f"  {_('its sha256')}", attempt.raw_sha256 or _("not recorded"), width)
    if not files.attempts:
        lines += fact(_("attempts"), _("none yet"), width)
    return lines


def _files(files: Sequence[LocalFile], nothing: str, width: int) -> list[Line]:
    if not files:
        return paragraph(nothing, Tone.MUTED, width)
    columns = max(cell_len(one_line(file.path.name)) for file in files), max(len(_bytes(file.size)) for file in files)
    whole = sum(columns) + len("2026-11-24 23:11:51") + 3 * 2 + _DIGEST_WIDTH <= width
    rows = [
        (
            file.path.name,
            _bytes(file.size),
            f"{file.changed_at:%Y-%m-%d %H:%M:%S}",
            (file.sha256 if whole else _shortened(file.sha256)) or "–",
        )
        for file in files
    ]
    lines = table((_("file"), _("size"), _("changed (UTC)"), "sha256"), rows, width)
    # Only what differs from the plain case is said: the checksum of most files is computed now.
    for file in files:
        if file.checksum is not Checksum.COMPUTED:
            attempt = f" ({_('attempt {number}').format(number=file.attempt)})" if file.attempt is not None else ""
            lines += hanging(
                [(f"{one_line(file.path.name)}: ", Tone.MUTED)], _(file.checksum) + attempt, Tone.MUTED, width
            )
    return lines


def _shortened(digest: str) -> str:
    return f"{digest[:_SHORT_DIGEST]}…" if digest else ""


def _bytes(count: int) -> str:
    return f"{count:,} B"


def input_page(
    beam: BeamRecord, prepared: PreparedInput | None, used: Parameters | None, troubles: Sequence[str], width: int
) -> list[Line]:
    """The engine's parameters and the energy layers; `prepared` is None as long as it is not read.

    `troubles`: why something of it cannot be had.
    """
    lines: list[Line] = []
    for text in troubles:
        lines += hanging([("! ", Tone.WARNING)], text, Tone.WARNING, width)
    own = prepared.parameters if prepared else None
    # Before computing, what counts is what the next job will be given; afterwards what the last one was given.
    shown = own if used is None or beam.status in _BEFORE_COMPUTING else used
    if shown is None:
        is_unread = prepared is None or prepared.trouble
        why = _("Not read.") if is_unread else _("None yet: preprocessing makes it.")
        lines += [heading("moqui_tps.in"), *paragraph(why, Tone.MUTED, width)]
    else:
        lines += _parameters(shown, width)
    return [*lines, BLANK, *_layers(prepared, width)]


_BEFORE_COMPUTING = frozenset(
    {BeamStatus.INITIAL, BeamStatus.PREPROCESSING, BeamStatus.UPLOADING, BeamStatus.HPC_QUEUED}
)


def _parameters(parameters: Parameters, width: int) -> list[Line]:
    if parameters.attempt is None:
        title = _("moqui_tps.in, as prepared")
        note = _("What depends on place and attempt (*) is set when a job is submitted.")
    else:
        title = _("moqui_tps.in, as given to attempt {number}").format(number=parameters.attempt)
        note = _("* set by mqi-tui for this attempt")
    lines: list[Line] = [heading(title), *paragraph(note, Tone.MUTED, width)]
    longest = max((cell_len(one_line(entry.key)) for entry in parameters.entries), default=0)
    name_width = min(longest + 3, width // 2)
    for entry in parameters.entries:
        head = [("* " if entry.is_set_for_job else "  ", Tone.WAITING), (fit(entry.key, name_width), Tone.MUTED)]
        lines += hanging(head, entry.value, Tone.NORMAL, width)
    return lines


def _layers(prepared: PreparedInput | None, width: int) -> list[Line]:
    layers: Sequence[LayerFacts] = () if prepared is None else prepared.layers
    if not layers:
        why = _("None yet: preprocessing makes them.")
        if prepared is None or prepared.trouble:
            why = _("Not read.")
        return [heading(_("CSV layers")), *paragraph(why, Tone.MUTED, width)]
    histories = sum(layer.histories for layer in layers)
    rows = [
        (
            str(layer.layer),
            f"{layer.energy_mev:.2f}",
            f"{layer.spots:,}",
            f"{layer.histories:,}",
            f"{layer.duration_ms:,.1f}",
            f"{layer.x_mm[0]:.1f} … {layer.x_mm[1]:.1f}",
            f"{layer.y_mm[0]:.1f} … {layer.y_mm[1]:.1f}",
        )
        for layer in layers
    ]
    head = (_("layer"), "MeV", _("spots"), _("histories"), "ms", "x mm", "y mm")
    title = _("CSV layers: {layers}, with {spots} and {histories} histories").format(
        layers=len(layers), spots=counted(sum(layer.spots for layer in layers), "spot"), histories=f"{histories:,}"
    )
    return [heading(title), *table(head, rows, width, left=0)]
