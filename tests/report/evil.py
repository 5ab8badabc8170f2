"""Text that would be markup, code or a place in the frame, if a report let it."""

EVIL = (
    "</script><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\">\"'&amp;<!-- "
    "\u2028 ünï→漢字 ${7*7} {{content}} 😀"
)
