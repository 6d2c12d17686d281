"""The terms of the glossary (docs/glossary.md) as frozen values."""
