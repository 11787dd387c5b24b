"""The benchmark of the training: its made-up corpus can be trained on, and its table says what was measured."""

from conftest import skip_without, tool

skip_without("train")


def test_the_made_up_corpus_has_the_shapes_of_grid(tmp_path):
    from phonolips.corpus.store.store import Store

    store = Store(tool("tools/bench/training").make_corpus(tmp_path, clips=5) / "features")
    assert len(store) == 5
    assert store.rows(0, "mel") == store.rows(0, "labels") == 300
    assert store.rows(0, "lips") == 75
    phones = store.get(3, "phones")
    assert phones[0, 1] == 0
    assert phones[-1, 2] == 300
    assert (phones[1:, 1] == phones[:-1, 2]).all()
    labels = store.get(3, "labels")
    assert all((labels[first:last] == phone).all() for phone, first, last in phones.tolist())


def test_the_table_has_rates_over_all_processes_and_says_what_failed():
    bench = tool("tools/bench/training")
    shares = {"data": 0.1, "augmentation": 0.1, "forward": 0.2, "backward": 0.5, "optimiser": 0.1}
    one = {"device": "CPU", "seconds": 4.0, "cpu_seconds": 5.0, "clips": 80, "speech_seconds": 240.0, "memory": 2**30}
    one |= {"shares": shares, "operators": {"aten::mm": 0.4}}
    results = [bench.Result("fp32", 2, [one, one | {"seconds": 5.0}]), bench.Result("fp16", 1, problem="ValueError: x")]
    table, missing, *notes = bench.to_markdown("encoder", 20, results).splitlines()[4:]
    assert [cell.strip() for cell in table.split("|")[1:9]] == [
        "CPU", "2", "fp32", "4.00", "32", "96", "0.50", "1.00 GiB",
    ]  # fmt: skip
    assert missing.count("–") == missing.count("|") - 3
    assert any("waits most for backward; operators: mm 40%" in note for note in notes)
    assert any("fp16 with 1 processes did not run: ValueError: x" in note for note in notes)
