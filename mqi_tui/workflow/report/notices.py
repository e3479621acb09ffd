"""What a reader of a report must not overlook."""

from __future__ import annotations

from mqi_tui.workflow.report.model import BUILTIN_ENGINE_WORD, CaseReport

NOT_FOR_DIAGNOSIS = "mqi-tui: not for diagnosis or treatment."


def notices(report: CaseReport) -> list[str]:
    """Sentences, the most important first."""
    sentences = [NOT_FOR_DIAGNOSIS]
    builtin = [beam.record.beam_name for beam in report.beams if beam.dose is not None and beam.dose.by_builtin_engine]
    if builtin:
        sentences.append(
            f"The built-in engine is no clinical engine. By their run logs it has computed the doses of these beams: "
            f"{', '.join(builtin)}."
        )
    elif BUILTIN_ENGINE_WORD in report.builtin_programs:
        sentences.append("The built-in engine is no clinical engine, and engine.command of the configuration names it.")
    if "interpreter" in report.builtin_programs:
        sentences.append(
            "The built-in interpreter is no clinical program, and interpreter.command of the configuration names it."
        )
    return sentences
