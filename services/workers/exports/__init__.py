"""Files of workers that are taken away (W10), such that taking them in again changes nothing."""
