import pytest

from training.configuration import AdapterConfig
from training.memory import activation_bytes, full_size_transformer, main
from training.tasks.adapter import prepare_adapter

SMALL = dict(
    num_attention_heads=2,
    attention_head_dim=16,
    text_embed_dim=32,
    num_layers=4,
    sample_width=12,
    sample_height=8,
    sample_frames=9,
    max_text_seq_length=10,
)


@pytest.fixture
def small():
    return prepare_adapter(full_size_transformer(**SMALL), AdapterConfig(rank=4, alpha=2))


def test_full_size_has_every_layer_that_training_touches():
    transformer = prepare_adapter(full_size_transformer(), AdapterConfig())
    trained = {n: p for n, p in transformer.named_parameters() if p.requires_grad}
    assert len(transformer.transformer_blocks) == 42
    assert sum("lora_A" in n for n in trained) == 4 * 42
    assert tuple(trained["patch_embed.proj.weight"].shape) == (3072, 33, 2, 2)
    assert all(p.is_meta for p in trained.values())


def test_activations_grow_with_the_batch_and_with_supervised_blocks(small):
    one, two = (activation_bytes(small, batch, None) for batch in (1, 2))
    assert one < two < 2.1 * one
    assert one < activation_bytes(small, 1, (1,)) < activation_bytes(small, 1, (1, 2))


def test_checkpointing_keeps_little_more_than_the_inputs_of_the_blocks(small):
    whole = activation_bytes(small, 1, None)
    small.enable_gradient_checkpointing()
    kept = activation_bytes(small, 1, None)
    video, text = 3 * 4 * 6, SMALL["max_text_seq_length"]
    inputs = SMALL["num_layers"] * (video + text) * 32 * 2  # bf16
    assert inputs <= kept < min(whole / 3, 6 * inputs)


@pytest.mark.parametrize("option, value", [("--rank", "0"), ("--blocks", "42")])
def test_what_the_model_does_not_have_is_refused_in_one_line(option, value, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["memory", option, value])
    with pytest.raises(SystemExit) as ended:
        main()
    error = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and option in error[-1] and value in error[-1]
