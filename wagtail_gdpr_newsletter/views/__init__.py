"""The public pages: parse, call one action, answer."""
