"""The style sheets of a page, one by one or in one."""

from __future__ import annotations

from django.conf import settings
from django.template import Library, Node, NodeList
from django.template.base import Parser, Token
from django.template.context import Context
from django.templatetags.static import static
from django.utils.html import format_html

from gallery.style_sheets import JOINED

register = Library()


class StyleSheets(Node):
    """Links to style sheets, or to the one that was collected from them."""

    def __init__(self, links: NodeList) -> None:
        self.links = links

    def render(self, context: Context) -> str:
        """Return the links as HTML."""
        if settings.STATIC_ROOT is None:
            return self.links.render(context)
        return format_html('<link rel="stylesheet" href="{}">', static(JOINED))


@register.tag
def joined(parser: Parser, _token: Token) -> StyleSheets:
    """Load the style sheets between this and `endjoined` as one, where they were collected."""
    links = parser.parse(("endjoined",))
    parser.delete_first_token()
    return StyleSheets(links)
