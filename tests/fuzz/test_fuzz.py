"""Damaged and malicious inputs end in a result or in one line: no traceback, no crash, in bounded memory and time.

pytest tests/fuzz --fuzz-cases 2000 --fuzz-seed 7
"""

from conftest import needs

from fuzz.drive import GOOD, fuzz


@needs("train")  # among what is damaged are its files
def test_damaged_inputs_end_in_a_result_or_one_line(request, record_property):
    cases, seed = (request.config.getoption(name) for name in ("--fuzz-cases", "--fuzz-seed"))
    report = fuzz(cases, seed)
    record_property("fuzz", report.table())
    assert sum(counts[name] for counts in report.counts.values() for name in GOOD) >= cases * 0.9
    assert not report.failed, "\n".join([f"{len(report.failed)} failed; python tests/fuzz/run.py ...", *report.failed])
