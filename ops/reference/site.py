"""Hook of mkdocs: adds Mermaid and the list of decisions, and refuses pages that load from elsewhere.

The theme makes the reader's browser load Mermaid from a public host, unless it is there already. So
pages with a diagram get it from the site: from its WebJar, which is retrieved once and checked
against its checksum like the jars of the embedded stack.
"""

import re
import zipfile
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from common.errors import VitalsError
from common.settings import load
from ops.reference.foreign import foreign_requests
from ops.stack import find_java, jar_source, listed_jars
from ops.stack.invocation import StackSettings
from ops.stack.ivy import retrieve_jars

SCRIPT = "assets/javascripts/mermaid.min.js"
_MANIFEST = Path(__file__).with_name("jars.txt")
_DECISIONS = "decisions/README.md"
_DIAGRAM = '<pre class="mermaid">'
_THEMES_SCRIPT = re.compile(r'<script src="[^"]*/?assets/javascripts/bundle\.')


def on_config(config: Any) -> Any:
    """Adds every decision to the navigation, below their list."""
    folder = Path(config.docs_dir) / "decisions"
    pages = [f"decisions/{path.name}" for path in sorted(folder.glob("[0-9]*.md"))]
    for section in config.nav:
        for entry in next(iter(section.values())):
            if isinstance(entry, dict) and entry.get("Decisions") == _DECISIONS:
                entry["Decisions"] = [_DECISIONS, *pages]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds Mermaid to what the site serves.

    Raises PluginError if it cannot be retrieved, or its checksum is wrong.
    """
    files.append(File.generated(config, SCRIPT, content=_mermaid()))
    return files


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001 - mkdocs names them
    """Loads Mermaid where the page has a diagram, before the theme's script looks for it."""
    if _DIAGRAM not in output:
        return output
    found = _THEMES_SCRIPT.search(output)
    if found is None:
        raise PluginError(
            f"{page.url}: the theme's script, which Mermaid must precede, is not there"
        )
    tag = f'<script src="{get_relative_url(SCRIPT, page.url)}"></script>'
    return output[: found.start()] + tag + output[found.start() :]


def on_post_build(config: Any) -> None:
    """Refuses a site if any page would load something from another host."""
    if found := foreign_requests(Path(config.site_dir)):
        raise PluginError("the site would load from elsewhere:\n  " + "\n  ".join(found))


def _mermaid() -> bytes:
    try:
        settings = load(StackSettings)
        java = find_java(settings.java_home)
        source = jar_source(settings.cache, java, settings.vitals_ivy_settings)
        (jar,) = listed_jars("docs", _MANIFEST)
        path = retrieve_jars(source, "docs", [jar]) / jar.file_name
    except VitalsError as error:
        raise PluginError(str(error)) from error
    with zipfile.ZipFile(path) as archive:
        return archive.read(
            f"META-INF/resources/webjars/{jar.artifact}/{jar.version}/dist/mermaid.min.js"
        )
