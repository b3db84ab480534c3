"""A Chromium of the system, driven by Playwright; a module that imports this is skipped where one of them is absent."""

import shutil

import pytest

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="a browser is driven by playwright: pip install playwright"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("there is no Chromium: apt-get install chromium", allow_module_level=True)

QUIET = (
    "--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
).split()
# SwiftShader draws where there is no graphics card
WITH_3D = [*QUIET, "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WITHOUT_3D = [*QUIET, "--disable-gpu", "--disable-3d-apis"]
WAIT_MS = 180_000
