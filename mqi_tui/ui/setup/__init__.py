"""The set-up of a first start: asks for the few settings that a site must know, tries them, and writes a config."""
