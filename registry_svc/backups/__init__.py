"""Backups of a registry: snapshots of its database, and the artifacts that they need.

    <folder>/artifacts/<first two digits>/<digest>
    <folder>/snapshots/<time>/{registry.db | registry.dump, backup.json}

Artifacts never change, so all snapshots of a folder share them, and a later backup
copies only what is new. A snapshot counts once `backup.json` is there.
"""
