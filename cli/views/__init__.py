"""Resources for people: pure functions from messages to rich renderables."""
