"""What can be seen of a run: its pictures, and one page with everything in it that moves and sounds."""

from phonolips.plot_page.page import write_page
from phonolips.plot_page.pictures import KINDS, draw

__all__ = ["KINDS", "draw", "write_page"]
