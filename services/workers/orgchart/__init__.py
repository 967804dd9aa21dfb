"""Who reports to whom (W12 to W14): as data, as a picture, and as it was."""
