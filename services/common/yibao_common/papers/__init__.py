"""Papers that services print: sheets as PDF and as pages, with the font of their Chinese."""
