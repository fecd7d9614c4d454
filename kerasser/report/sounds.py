"""Where the sounds of a report lie."""

#: The folder beside the report.
FOLDER = "sounds"
