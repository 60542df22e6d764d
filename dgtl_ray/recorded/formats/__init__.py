"""Files of other tuners, a format a file: what each says, in our words and units."""
