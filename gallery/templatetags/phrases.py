"""Django's `translate` and `blocktranslate`, quicker where nothing but a constant is translated.

A page of results has a thousand phrases. Django resolves each anew as a lazy string, which takes
10 µs a phrase; the nodes here look a constant up in the catalogue, which takes 2 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.template import Library, Node
from django.template.base import FilterExpression, Parser, Token, render_value_in_context
from django.template.context import Context
from django.templatetags.i18n import do_block_translate, do_translate
from django.utils.translation import gettext

from gallery import sentences

register = Library()
register.filter("told", sentences.told)


class Phrase(Node):
    """A constant text in the language of the page, with the values of its variables."""

    def __init__(self, message: str, variables: Mapping[str, FilterExpression]) -> None:
        """Take a message as it stands in the catalogue, such as "Select %(name)s"."""
        self.message = message
        self.variables = variables

    def render(self, context: Context) -> str:
        """Return the translation; values are escaped as everywhere in templates."""
        values = {
            name: render_value_in_context(variable.resolve(context), context)
            for name, variable in self.variables.items()
        }
        return gettext(self.message) % values


@register.tag
def translate(parser: Parser, token: Token) -> Node:
    """Translate a text: `{% translate "Close" %}`; all else that Django's tag can do works too."""
    node = do_translate(parser, token)
    text, filters = node.filter_expression.var.literal, node.filter_expression.filters
    if not isinstance(text, str) or any((filters, node.asvar, node.noop, node.message_context)):
        return node
    return Phrase(text.replace("%", "%%"), {})


@register.tag
def blocktranslate(parser: Parser, token: Token) -> Node:
    """Translate a text with variables, as Django's tag does, plurals and options included."""
    node = do_block_translate(parser, token)
    if node.countervar or node.asvar or node.message_context:
        return node
    message, names = node.render_token_list(node.singular)
    values = {name: parser.compile_filter(name) for name in names}
    return Phrase(message, values | node.extra_context)
