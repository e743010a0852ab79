"""The network: the paper's parameter counts, the contract of forward and trace, and each module's formula."""

import pytest
import torch
import torch.nn.functional as F

from meddef_core.model import MSF_SCALES, VARIANTS, MedDef, MedDefConfig, parameter_count
from meddef_core.model.attention import SelfAttention
from meddef_core.model.daam import DefenseModule


def small(**overrides: object) -> MedDef:
    torch.manual_seed(0)
    settings: dict[str, object] = {"classes": 4, "width": 8, "pool": 2, "mean": 0.2, "std": 0.2, **overrides}
    return MedDef(MedDefConfig(**settings)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variant", "millions"),
    [("full", 21.84), ("without_afd", 18.69), ("only_afd", 16.57), ("resnet18", 11.18)],
)
def test_counts_of_the_paper(variant: str, millions: float) -> None:
    model = MedDef(MedDefConfig(classes=4, channels=3, width=64, **VARIANTS[variant]))
    assert round(parameter_count(model) / 1e6, 2) == millions


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("channels", "pool", "activation"), [(1, 1, "relu"), (3, 2, "silu"), (1, 4, "gelu")])
def test_forward_is_the_trace(variant: str, channels: int, pool: int, activation: str) -> None:
    model = small(channels=channels, pool=pool, activation=activation, **VARIANTS[variant])
    x = torch.rand(2, channels, 224, 224)
    trace = model.trace(x)
    assert trace.logits.shape == (2, 4)
    torch.testing.assert_close(model(x), trace.logits)
    c, side = 64, -(-(224 // pool) // 32)
    assert trace.features.shape == trace.defended.shape == (2, c, side, side)
    on = {"afd": True, "mfe": True, "msf": True, "attention": True, **VARIANTS[variant]}
    assert (trace.daam.afd_gate is not None) == on["afd"]
    assert (trace.daam.mfe_edges is not None) == (trace.daam.mfe_texture is not None) == on["mfe"]
    assert (trace.daam.msf is not None) == on["msf"]
    assert (trace.self_attention is not None) == (trace.attended is not None) == on["attention"]
    if not model.config.has_daam:
        assert trace.defended is trace.features


@pytest.mark.parametrize(("stage", "channels", "side"), [(2, 16, 14), (3, 32, 7), (4, 64, 4)])
def test_the_daam_reads_the_stage_it_stands_behind(stage: int, channels: int, side: int) -> None:
    model = small(daam_after=stage)
    x = torch.rand(2, 1, 224, 224)
    trace = model.trace(x)
    assert trace.features.shape == trace.defended.shape == (2, channels, side, side)
    assert trace.daam.afd_gate is not None and trace.daam.afd_gate.shape == trace.features.shape
    assert trace.final.shape == (2, 64, 4, 4) and trace.self_attention is not None
    assert trace.self_attention.shape == (2, 16, 16)
    before = list(model.layers())
    assert before[before.index("phi") - 1] == f"stage{stage}"
    by_hand = model.backbone.after(stage, model.daam(model.backbone.until(stage, model.entry(x)))[0])  # type: ignore[misc]
    torch.testing.assert_close(trace.final, by_hand)


def test_maps_keep_their_ranges() -> None:
    trace = small().trace(torch.rand(2, 1, 224, 224))
    maps = trace.daam
    assert maps.afd_gate is not None and maps.mfe_edges is not None and maps.mfe_texture is not None
    assert maps.msf is not None and maps.channel_attention is not None and trace.self_attention is not None
    assert maps.afd_gate.min() >= 0 and maps.afd_gate.max() <= 1
    assert maps.mfe_edges.min() >= -1 and maps.mfe_edges.max() <= 1
    assert maps.mfe_texture.min() >= 0
    assert len(maps.msf) == len(MSF_SCALES) and all(m.min() >= 0 for m in maps.msf)
    assert maps.channel_attention.shape == (2, 64)
    torch.testing.assert_close(trace.self_attention.sum(dim=-1), torch.ones(2, 16))


def test_defense_module_is_the_papers_sum() -> None:
    torch.manual_seed(1)
    module = DefenseModule(8).eval()
    x = torch.randn(2, 8, 5, 5)
    out, maps = module(x)
    gate = torch.sigmoid(module.afd.conv2(module.afd.conv1(x)))
    afd = x + module.afd.refine(x * gate)
    mfe = module.mfe.fuse(torch.cat([x, torch.tanh(module.mfe.edge(x)), module.mfe.texture(x)], dim=1))
    fused = module.phi(torch.cat([afd, mfe, module.msf(x)[0]], dim=1))
    assert maps.channel_attention is not None
    torch.testing.assert_close(out, x + fused * maps.channel_attention[:, :, None, None])


def test_self_attention_agrees_with_torch() -> None:
    torch.manual_seed(2)
    module = SelfAttention(6)
    x = torch.randn(3, 6, 4, 4)
    positions = x.flatten(2).transpose(1, 2)
    expected = F.scaled_dot_product_attention(module.query(positions), module.key(positions), module.value(positions))
    torch.testing.assert_close(module(x)[0], module.project(expected).mean(dim=1), atol=1e-5, rtol=1e-4)


def test_normalisation_stands_inside() -> None:
    plain, shifted = small(), small(mean=0.7, std=0.4)
    shifted.load_state_dict(plain.state_dict())
    x = torch.rand(2, 1, 224, 224)
    torch.testing.assert_close(plain((x - 0.7) / 0.4 * 0.2 + 0.2), shifted(x), atol=1e-4, rtol=1e-3)


def test_logits_do_not_depend_on_the_batch() -> None:
    model = small()
    x = torch.rand(4, 1, 224, 224)
    torch.testing.assert_close(torch.cat([model(x[i : i + 1]) for i in range(4)]), model(x), atol=1e-5, rtol=1e-4)


def test_layers_are_modules_of_the_network() -> None:
    model = small()
    modules = set(model.modules())
    assert list(model.layers()) == ["stage1", "stage2", "stage3", "stage4", "phi"]
    assert all(layer in modules for layer in model.layers().values())
    assert list(small(**VARIANTS["resnet18"]).layers())[-1] == "stage4"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"classes": 1}, "at least 2 classes"),
        ({"channels": 2}, "1 .grey. or 3 .colour."),
        ({"width": 6}, "multiple of 4"),
        ({"pool": 3}, "1, 2 or 4"),
        ({"activation": "swish"}, "one of relu, silu, gelu"),
        ({"dropout": 1.0}, "dropout"),
        ({"daam_after": 0}, "a stage from 1 to 4"),
        ({"daam_after": 5}, "a stage from 1 to 4"),
        ({"std": 0.0}, "std"),
    ],
)
def test_impossible_configurations_are_refused(overrides: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(**overrides)


@pytest.mark.parametrize("shape", [(1, 224, 224), (1, 3, 224, 224)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected images"):
        small()(torch.rand(shape))


def test_a_defense_module_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        DefenseModule(8, afd=False, mfe=False, msf=False)
