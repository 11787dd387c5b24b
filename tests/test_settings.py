"""Settings from YAML and from words on the command line."""

import pytest
from conftest import needs

from phonolips.errors import InputError
from phonolips.model.settings import NetworkSettings, settings_from_dict, settings_to_dict
from phonolips.training.settings import Recipe, load_settings


@needs("train")
def test_words_beat_the_file_and_the_file_beats_the_defaults(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("lips: {epochs: 7, batch: 5}\nnetwork: {lips: {components: 8}}\n")
    recipe = load_settings(Recipe, config=path, overrides=["lips.epochs=9"])
    assert (recipe.lips.epochs, recipe.lips.batch, recipe.network.lips.components) == (9, 5, 8)
    assert recipe.encoder == Recipe().encoder


@needs("train")
@pytest.mark.parametrize("overrides", [["lips.nonsense=1"], ["lips.epochs=many"], ["nothing"]])
def test_unknown_names_and_wrong_types_are_one_line(overrides):
    with pytest.raises(InputError) as caught:
        load_settings(Recipe, overrides=overrides)
    assert "\n" not in str(caught.value)


@needs("train")
def test_bad_files(tmp_path):
    with pytest.raises(InputError, match="no such settings file"):
        load_settings(Recipe, config=tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("lips: [1, 2\n")
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_settings(Recipe, config=tmp_path / "bad.yaml")


def test_settings_survive_json():
    settings = NetworkSettings()
    settings.decoder.dilations = [1, 3]
    assert settings_from_dict(NetworkSettings, settings_to_dict(settings)) == settings


@needs("train")
def test_every_committed_settings_file_is_valid():
    from pathlib import Path

    files = sorted((Path(__file__).parents[1] / "recipes").glob("*/conf/*.yaml"))
    assert files
    for file in files:
        load_settings(Recipe, config=file)


def test_the_test_extra_holds_the_train_extra():
    import tomllib
    from pathlib import Path

    extras = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert set(extras["train"]) <= set(extras["test"])
