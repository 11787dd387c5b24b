"""The studio: a page that makes and edits lips in the browser, served here or from any web host."""
