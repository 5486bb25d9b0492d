"""From a row to what is measured of it: the steps, what they need, and what is kept of them."""
