// A key that is typed into a field is text and no shortcut. A check box takes no text.
const FIELDS = "input:not([type=checkbox]), textarea, select, [contenteditable]";

export const isTyping = (event) => Boolean(event.target.matches?.(FIELDS));
