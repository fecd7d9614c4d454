"""One component a file: its specification, its executor, and the component that ties them."""
