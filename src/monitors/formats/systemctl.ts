export interface ListedUnit {
  readonly unit: string
  readonly load: string
  readonly active: string
  readonly sub: string
}

/** What `systemctl list-units --plain --no-legend` prints: name, load state, active state, sub-state, description. */
export function parseListedUnits(text: string): ListedUnit[] {
  const units: ListedUnit[] = []
  for (const line of text.split('\n')) {
    // Some versions begin the lines of failed units with a dot although they are asked for plain ones.
    const [unit, load, active, sub] = line.replace(/^[\s●*×]+/, '').split(/\s+/, 4)
    if (unit === undefined || sub === undefined || !/^[A-Za-z0-9:_.\\@-]{1,255}\.[a-z]+$/.test(unit)) continue
    units.push({ unit, load: load!, active: active!, sub })
  }
  return units
}

export interface ShownUnit {
  /** All names it goes by, full ones. */
  readonly names: readonly string[]
  readonly load: string
  readonly active: string
  readonly sub: string
  readonly restarts: number | undefined
}

/** What `systemctl show` prints of several units: lines `Key=value`, an empty line between two units. */
export function parseShownUnits(text: string): ShownUnit[] {
  return text
    .split(/\n\s*\n/)
    .map((block) => {
      const values = new Map<string, string>()
      for (const line of block.split('\n')) {
        const cut = line.indexOf('=')
        if (cut > 0) values.set(line.slice(0, cut), line.slice(cut + 1).trim())
      }
      const restarts = /^\d{1,15}$/.test(values.get('NRestarts') ?? '') ? Number(values.get('NRestarts')) : undefined
      return {
        names: `${values.get('Id') ?? ''} ${values.get('Names') ?? ''}`.split(/\s+/).filter((name) => name !== ''),
        load: values.get('LoadState') ?? '',
        active: values.get('ActiveState') ?? '',
        sub: values.get('SubState') ?? '',
        restarts,
      }
    })
    .filter(({ names }) => names.length > 0)
}
