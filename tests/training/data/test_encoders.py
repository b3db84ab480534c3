import json
import os
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import load_file, save_file

from tavid_planner.errors import InputError
from training.data.cache import ClipCache
from training.data.encoders import encoder_digest, encoder_state, refuse_other_encoders


def changed(base, folder, part, names=""):
    copy = shutil.copytree(base, folder)
    [path] = (copy / part).glob("*.safetensors")
    save_file({n: value + n.startswith(names) for n, value in load_file(path).items()}, path)
    return copy


@pytest.mark.parametrize("part", ["vae", "text_encoder"])
def test_clips_of_another_encoder_are_refused_though_all_sizes_are_the_same(part, tiny_base, tiny_cache, tmp_path):
    settings = replace(ClipCache(tiny_cache).settings, encoder_digest=encoder_digest(tiny_base))
    refuse_other_encoders(tiny_cache, settings, "base", tiny_base)
    other = changed(tiny_base, tmp_path / "other", part)
    with pytest.raises(InputError, match="encoders are not those of the base other"):
        refuse_other_encoders(tiny_cache, settings, "other", other)


def test_another_transformer_can_be_trained_on_the_same_clips(tiny_base, tiny_cache, tmp_path):
    settings = replace(ClipCache(tiny_cache).settings, encoder_digest=encoder_digest(tiny_base))
    refuse_other_encoders(tiny_cache, settings, "other", changed(tiny_base, tmp_path / "other", "transformer"))


def test_a_decoder_that_was_trained_further_changes_no_latents(tiny_base, tiny_cache, tmp_path):
    settings = replace(ClipCache(tiny_cache).settings, encoder_digest=encoder_digest(tiny_base))
    refuse_other_encoders(tiny_cache, settings, "other", changed(tiny_base, tmp_path / "other", "vae", "decoder."))
    with pytest.raises(InputError):
        refuse_other_encoders(tiny_cache, settings, "x", changed(tiny_base, tmp_path / "x", "vae", "encoder.conv_in"))


def test_another_scale_of_the_latents_is_another_encoder(tiny_base, tiny_cache, tmp_path):
    settings = replace(ClipCache(tiny_cache).settings, encoder_digest=encoder_digest(tiny_base))
    other = shutil.copytree(tiny_base, tmp_path / "other")
    config = json.loads((other / "vae" / "config.json").read_text())
    (other / "vae" / "config.json").write_text(json.dumps({**config, "scaling_factor": 3.0}))
    with pytest.raises(InputError):
        refuse_other_encoders(tiny_cache, settings, "other", other)


def test_encoders_that_nobody_has_touched_are_not_read_again(tiny_base, tiny_cache, tmp_path):
    base = shutil.copytree(tiny_base, tmp_path / "base")
    settings = replace(ClipCache(tiny_cache).settings, encoder_digest="unread", encoder_state=encoder_state(base))
    refuse_other_encoders(tiny_cache, settings, "base", base)
    os.utime(base / "text_encoder" / "config.json", (1, 1))
    with pytest.raises(InputError, match="encoders are not those"):
        refuse_other_encoders(tiny_cache, settings, "base", base)


def test_an_older_cache_is_told_by_the_digest_of_its_whole_base(tiny_base, tiny_cache, tmp_path):
    settings = ClipCache(tiny_cache).settings
    assert settings.encoder_digest == ""
    refuse_other_encoders(tiny_cache, settings, "base", tiny_base)
    with pytest.raises(InputError, match="earlier version.* base x is not in all its files") as caught:
        refuse_other_encoders(tiny_cache, settings, "x", changed(tiny_base, tmp_path / "x", "vae"))
    assert "encode the clips again" in str(caught.value)
