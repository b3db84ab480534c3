"""A view of a plan that can be turned, for pages: three.js, our script, and what puts them into HTML."""
