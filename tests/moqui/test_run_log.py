"""What an engine prints: progress of every family, however the bytes are cut, and what its complaints mean."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqi_tui.domain.engine_formats import EngineProfile
from mqi_tui.moqui.run_log import LogError, RunLogParser, RunLogState, explain_exit

HEAD = """Reading GPU ID.. : Selected GPU ID --> 0
Creating beam source object.. : Detected beam count --> 5
Total beamlets (Spots) : 12
Total histories (Particles) : 50000
"""
FORK = (
    HEAD
    + "Uploading particles with batch.. : Particle count --> 20000 with 3 batches\n"
    + "".join(
        f"Generating particles for ({batch} of 3 batches) in CPU ..\nParticle generation complete!\n"
        "Transporting particles...\nParticle transportation complete!\n"
        for batch in (1, 2, 3)
    )
    + "Simlulation finalizing..\nTime taken by MC engine: 7.8e+04 milli-seconds\n"
)
FORK_WHOLE = HEAD + (
    "Uploading particles with no batch.. : Particle count --> 50000\nTransporting particles...\n"
    "Particle transportation complete!\nSimlulation finalizing..\n"
)


def mgh_beam(number: int) -> str:
    batches = "".join(
        f"Generating particles...\ncum_vertiex {cumulated} {size}\nTransporting particles...\n"
        "Run transportation 0.024499 s\n"
        for cumulated, size in ((400, 400), (800, 400), (1000, 200))
    )
    return (
        f"There are 2 beams\nSelecting {number}: F{number}\nbeamlets 5\nhistories 1000\n"
        f"Upload 400 histories per batch, 3 batches expected\n{batches}"
        "cum vertex 1000 total histories 1000\nNumber of particles tracked 1000\nReshape and save done 0.0004 s\n"
    )


MGH_ALL = "Number of beam selected 1\nThe first selected beam number 0\n" + mgh_beam(1) + mgh_beam(2)
MGH_ONE = "Number of beam selected 1\nThe first selected beam number 2\n" + mgh_beam(2)
MGH_STATISTICS = """Number of beam selected 1
The first selected beam number 0
There are 1 beams
histories 1000
Running 1000 histories for the first run
Cumulated vertices 1000 1000
Run transportation 0.107960 s
Number of particles tracked 1000
Run 1: current uncertainty 9.391579 %
Running additional 1000 histories
Cumulated vertices 1000 1000
Run transportation 0.107960 s
Number of particles tracked 2000
Reshape and save done 0.0004 s
"""
ABORT = "terminate called after throwing an instance of 'std::runtime_error'\n  what():  Invalid beam number.\n"

LOGS = {
    "fork": (EngineProfile.LOGFORK, FORK),
    "fork, one batch": (EngineProfile.LOGFORK, FORK_WHOLE),
    "mgh, two beams": (EngineProfile.MGH, MGH_ALL),
    "mgh, statistics": (EngineProfile.MGH, MGH_STATISTICS),
    "custom": (EngineProfile.CUSTOM, FORK),
    "abort": (EngineProfile.LOGFORK, HEAD + ABORT),
}
NOTHING = RunLogState(None, None, None, ())


def read(profile: EngineProfile, data: bytes | str) -> RunLogState:
    parser = RunLogParser(profile)
    parser.feed(data.encode() if isinstance(data, str) else data)
    return parser.state


def fractions(profile: EngineProfile, text: str) -> list[float | None]:
    """Each fraction that the log tells, line by line."""
    parser = RunLogParser(profile)
    told: list[float | None] = [None]
    for line in text.encode().splitlines(keepends=True):
        parser.feed(line)
        if parser.state.fraction != told[-1]:
            told.append(parser.state.fraction)
    return told


# Progress


def test_a_fork_tells_its_fraction_by_batches() -> None:
    assert fractions(EngineProfile.LOGFORK, FORK) == [None, 0.0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]


def test_a_fork_tells_its_histories_asked_and_done() -> None:
    assert read(EngineProfile.LOGFORK, FORK) == RunLogState(1.0, 50000, 50000, ())


def test_a_fork_in_the_midst_of_a_batch_has_done_the_batches_before_it() -> None:
    line = "Generating particles for (3 of 3 batches) in CPU ..\n"
    state = read(EngineProfile.LOGFORK, FORK[: FORK.index(line)] + line)
    assert state.fraction == pytest.approx(2 / 3)
    assert (state.histories_asked, state.histories_done) == (50000, 40000)


def test_a_fork_with_all_in_one_batch_tells_no_fraction_before_its_end() -> None:
    assert fractions(EngineProfile.LOGFORK, FORK_WHOLE) == [None, 1.0]
    assert read(EngineProfile.LOGFORK, FORK_WHOLE).histories_done == 50000


def test_a_fork_that_found_no_histories_asked_for_none() -> None:
    text = (
        "Total histories (Particles) : 0\nUploading particles with batch.. : Particle count --> 20000 with 0 batches\n"
        "Simlulation finalizing..\n"
    )
    assert read(EngineProfile.LOGFORK, text) == RunLogState(None, 0, None, ())


def test_mgh_tells_its_fraction_by_histories_over_all_beams() -> None:
    expected = [0.0, 0.2, 0.4, 0.5, 0.7, 0.9, 1.0]
    assert fractions(EngineProfile.MGH, MGH_ALL)[1:] == pytest.approx(expected)
    assert read(EngineProfile.MGH, MGH_ALL) == RunLogState(1.0, 2000, 2000, ())


def test_mgh_in_the_midst_of_its_second_beam_has_done_the_whole_first_one() -> None:
    text = MGH_ALL[: MGH_ALL.rindex("Generating particles")]
    assert read(EngineProfile.MGH, text).histories_done == 1000 + 800


def test_mgh_with_one_beam_of_a_plan_of_two_counts_one() -> None:
    assert fractions(EngineProfile.MGH, MGH_ONE)[1:] == pytest.approx([0.0, 0.4, 0.8, 1.0])


def test_mgh_that_runs_until_its_statistics_are_good_tells_no_fraction() -> None:
    assert read(EngineProfile.MGH, MGH_STATISTICS) == RunLogState(None, 1000, 2000, ())


@pytest.mark.parametrize("text", [FORK, FORK_WHOLE, MGH_ALL, MGH_STATISTICS])
def test_a_custom_engine_may_print_as_either_family(text: str) -> None:
    family = EngineProfile.LOGFORK if text.startswith("Reading") else EngineProfile.MGH
    assert read(EngineProfile.CUSTOM, text) == read(family, text)


@pytest.mark.parametrize(("profile", "text"), [(EngineProfile.MGH, FORK), (EngineProfile.LOGFORK, MGH_ALL)])
def test_the_wording_of_another_family_tells_nothing(profile: EngineProfile, text: str) -> None:
    assert read(profile, text) == NOTHING


def test_words_of_success_tell_nothing() -> None:
    lines = [
        "Simlulation finalizing..",
        "Successfully saved DICOM RT Dose file: a.dcm",
        "Time taken by MC engine: 5 ms",
    ]
    assert read(EngineProfile.LOGFORK, "\n".join(lines) + "\n") == NOTHING


@given(
    st.lists(
        st.one_of(
            st.builds("Generating particles for ({} of {} batches) in CPU ..".format, st.integers(0), st.integers(0)),
            st.builds("cum_vertiex {} {}".format, st.integers(0), st.integers(0)),
            st.builds("histories {}".format, st.integers(0, 2000)),
            st.builds("Uploading particles with batch.. : Particle count --> 3 with {} batches".format, st.integers(0)),
            st.sampled_from(["Particle transportation complete!", "Run transportation 1 s", "Reshape and save done"]),
            st.builds("There are {} beams".format, st.integers(0, 5)),
        )
    )
)
@settings(deadline=None)
def test_a_fraction_never_falls_and_stays_from_0_to_1_whatever_is_printed(lines: list[str]) -> None:
    parser = RunLogParser(EngineProfile.CUSTOM)
    last = 0.0
    for line in lines:
        parser.feed(line.encode() + b"\n")
        fraction = parser.state.fraction
        if fraction is not None:
            assert last <= fraction <= 1
            last = fraction


def test_a_number_of_thousands_of_digits_tells_nothing() -> None:
    assert read(EngineProfile.LOGFORK, f"Total histories (Particles) : {'9' * 5000}\n") == NOTHING


# However it is cut


@pytest.mark.parametrize(("profile", "text"), LOGS.values(), ids=LOGS.keys())
def test_a_log_that_comes_byte_by_byte_tells_the_same(profile: EngineProfile, text: str) -> None:
    parser = RunLogParser(profile)
    for byte in text.encode():
        parser.feed(bytes([byte]))
    assert parser.state == read(profile, text)


@given(
    log=st.sampled_from(list(LOGS.values())),
    noise=st.binary(max_size=40),
    place=st.integers(0, 2000),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
)
@settings(deadline=None)
def test_the_state_depends_on_the_bytes_alone_and_not_on_how_they_are_cut(
    log: tuple[EngineProfile, str], noise: bytes, place: int, cuts: list[int]
) -> None:
    profile, text = log
    data = text.encode()[:place] + noise + "Müller 환자\r\n".encode() + text.encode()[place:]
    parser = RunLogParser(profile)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        parser.feed(data[start:end])
    assert parser.state == read(profile, data)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines_are_read_too(end: str) -> None:
    assert read(EngineProfile.LOGFORK, FORK.replace("\n", end)) == read(EngineProfile.LOGFORK, FORK)


@given(st.binary(max_size=500))
@settings(deadline=None)
def test_noise_tells_no_progress(noise: bytes) -> None:
    state = read(EngineProfile.CUSTOM, noise)
    assert (state.fraction, state.histories_asked, state.histories_done) == (None, None, None)


def test_a_number_in_a_last_line_without_its_end_does_not_count_yet() -> None:
    assert read(EngineProfile.LOGFORK, "Total histories (Particles) : 105").histories_asked is None


def test_an_error_in_a_last_line_without_its_end_counts() -> None:
    (error,) = read(EngineProfile.LOGFORK, "CUDA error: (transport) out of memory").errors
    assert error.line == "CUDA error: (transport) out of memory"


def test_an_error_that_is_still_being_printed_is_told_once_when_it_is_whole() -> None:
    parser = RunLogParser(EngineProfile.LOGFORK)
    parser.feed(b"Cannot write :/a")
    assert [error.line for error in parser.state.errors] == ["Cannot write :/a"]
    parser.feed(b"/b.raw\n")
    assert [error.line for error in parser.state.errors] == ["Cannot write :/a/b.raw"]


def test_endless_lines_take_neither_memory_nor_time() -> None:
    parser = RunLogParser(EngineProfile.LOGFORK)
    start = time.perf_counter()
    for _ in range(20_000):
        parser.feed(b"x" * 1000)
    assert len(parser._pending) < 10_000
    parser.feed(b"\n" + FORK.encode())
    assert time.perf_counter() - start < 5
    assert parser.state == read(EngineProfile.LOGFORK, FORK)


# What went wrong


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("  what():  Cannot open input parameter file.", "moqui_tps.in"),
        ("  what():  ParentDir is not provided", "lacks ParentDir"),
        ("  what():  Log Dir is not provided", "lacks logFilePath"),
        ("  what():  There is no RTPLAN in the path. Exiting.", "DicomDir"),
        ("  what():  Output directory exists.", "OverwriteResults"),
        ("  what():  Invalid beam number.", "BeamNumbers"),
        ("  what():  something new", "the engine's own reason"),
        ("No free GPU remains after filtering", "another process holds the GPU"),
        ('tps_env: Assertion `!(Toplevel.empty()) && "Need to call Explore first"\' failed.', "DicomDir"),
        ("Cannot write :/proc/x/3S150_1_Dose.raw", "could not write its result"),
        ("CUDA error: (upload) out of memory", "the GPU's memory is full"),
        ("CUDA error: (upload) unspecified launch failure", "the GPU or its driver failed"),
        ("GPUassert: an illegal memory access was encountered mqi.hpp 12", "the GPU or its driver failed"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "memory is full"),
        ("terminate called after throwing an instance of 'std::runtime_error'", "the engine gave up"),
        ("/site/tps_env: error while loading shared libraries: libgdcm.so", "engine.setup_lines"),
        ("job.sh: 91: tps_env: not found", "engine.command"),
        ("stdbuf: failed to run command 'tps_env': No such file or directory", "engine.command"),
        ("slurmstepd: error: Detected 1 oom-kill event(s)", "memory is full"),
        ("slurmstepd: error: *** JOB 7 CANCELLED AT x DUE TO TIME LIMIT ***", "time limit"),
        ("mqi_tui.builtin.simulation: error: Output directory exists.", "OverwriteResults"),
        ("mqi_tui.builtin.simulation: error: /a holds no CSVs", "the built-in dose engine"),
    ],
)
def test_an_error_line_is_told_with_its_meaning(line: str, meaning: str) -> None:
    (error,) = read(EngineProfile.LOGFORK, f"Reading seeds..\n{line}\n").errors
    assert error.line == line.strip()
    assert meaning in error.meaning


@pytest.mark.parametrize("text", [FORK, FORK_WHOLE, MGH_ALL, MGH_STATISTICS])
def test_a_good_run_complains_of_nothing(text: str) -> None:
    assert read(EngineProfile.CUSTOM, text).errors == ()


def test_an_exception_is_told_with_its_reason() -> None:
    assert [error.line for error in read(EngineProfile.LOGFORK, ABORT).errors] == [
        "terminate called after throwing an instance of 'std::runtime_error'",
        "what():  Invalid beam number.",
    ]


def test_a_line_that_comes_again_and_again_is_told_once_and_there_are_never_many() -> None:
    text = "CUDA error: a\n" * 50 + "".join(f"CUDA error: {number}\n" for number in range(1000))
    errors = read(EngineProfile.MGH, text).errors
    assert len(set(errors)) == len(errors) == 20


def test_an_error_line_is_safe_to_print_and_short() -> None:
    (error,) = read(EngineProfile.MGH, b"CUDA error: \x1b[2J\xff" + b"x" * 5000 + b"\n").errors
    assert isinstance(error, LogError)
    assert error.line.isprintable()
    assert len(error.line) <= 300


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "its log"),
        (126, "cannot be executed"),
        (127, "was not found"),
        (134, "SIGABRT"),
        (135, "SIGBUS"),
        (137, "SIGKILL"),
        (139, "SIGSEGV"),
        (143, "SIGTERM"),
        (140, "signal 12"),
        (255, "CUDA"),
    ],
)
def test_an_exit_code_is_explained_by_the_end_of_a_sentence(code: int, words: str) -> None:
    assert words in explain_exit(code)
    assert not explain_exit(code).endswith(".")


def test_every_exit_code_is_explained() -> None:
    assert all(explain_exit(code) for code in range(1, 256))


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_the_last_line_that_is_not_blank_is_kept_whatever_the_pieces(cut: int) -> None:
    log = b"one\nModuleNotFoundError: No module named 'x'\r\n\n  \n"
    parser = RunLogParser(EngineProfile.LOGFORK)
    for piece in (log[:cut], log[cut:]):
        parser.feed(piece)
    assert parser.state.last_line == "ModuleNotFoundError: No module named 'x'"
    parser.feed(b"half a li")
    assert parser.state.last_line == "half a li"
