"""The icons of buttons, links and notes."""

from __future__ import annotations

from django.template import Library, TemplateSyntaxError
from django.template.base import Parser, TextNode, Token
from django.templatetags.static import static
from django.utils.html import format_html

register = Library()


@register.tag
def icon(_parser: Parser, token: Token) -> TextNode:
    """Draw a symbol of static/icons.svg: `{% icon "check" %}`, with classes `{% icon "x" "big" %}`.

    A page draws hundreds of icons, so each is resolved once, while its template is compiled.
    """
    _tag, *quoted = token.split_contents()
    if len(quoted) not in {1, 2} or any(part[0] not in "\"'" for part in quoted):
        raise TemplateSyntaxError("icon takes a name, and perhaps classes, each in quotes.")
    name, *classes = [part[1:-1] for part in quoted]
    return TextNode(
        format_html(
            '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>',
            " ".join(["icon", *classes]),
            static("icons.svg"),
            name,
        )
    )
