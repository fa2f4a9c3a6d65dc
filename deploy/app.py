"""The page, as a Hugging Face Space starts it."""

from maskedgender.page.app import open_page

open_page(host="0.0.0.0")
