"""Read-only pages about what the store holds, for a browser: `ml-assets view`. Plain HTML, no scripts, nothing is ever written.

server.py         where it listens, and to whom
guard.py          GET only, known hosts, the token, the headers that keep a browser out of trouble
app.py            which address shows what
archive.py        the store at a glance, remembering manifests, which never change
*_page.py         what a page says, as plain values
content.py        files of a version: to download, and the first rows of tables
render.py         values to HTML; every text is escaped
"""
