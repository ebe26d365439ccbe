"""Delta xDS for Envoys: what each holds, and in which order it learns of changes."""
