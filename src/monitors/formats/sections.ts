/**
 * Several outputs in the one of a single command: each begins with a line `@@@ name`. A host is asked once instead of ten times, which costs it
 * one process and one channel instead of ten.
 */
export function sectionsOf(text: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>()
  let name: string | undefined
  let lines: string[] = []
  const keep = () => {
    if (name !== undefined) sections.set(name, lines.join('\n'))
  }
  for (const line of text.split('\n')) {
    if (!line.startsWith('@@@ ')) {
      lines.push(line)
      continue
    }
    keep()
    name = line.slice(4).trim()
    lines = []
  }
  keep()
  return sections
}

/** A script for `sh -c` whose output `sectionsOf` reads. All of it is ours: nothing of a user's may be written into one. */
export function sectionsScript(commands: Readonly<Record<string, string>>): string {
  const parts = Object.entries(commands).map(([name, command]) => `echo '@@@ ${name}'; ${command} 2>/dev/null`)
  // Administrators' programs are not in the path of everybody; words and numbers are to be those of no country.
  return ['PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; LC_ALL=C; export PATH LC_ALL', ...parts, 'exit 0'].join('; ')
}
