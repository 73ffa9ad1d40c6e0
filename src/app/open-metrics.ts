/** One family of metrics. Names are without the endings that their type demands; with a unit, the name ends with it. */
export interface Family {
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'info' | 'summary'
  readonly unit?: 'seconds' | 'bytes' | 'ratio'
  readonly help: string
  readonly points: readonly Point[]
}

export interface Point {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Of a summary: what was added up, or how much. */
  readonly ending?: '_sum' | '_count'
}

/** @see https://prometheus.io/docs/specs/om/open_metrics_spec/ */
export function openMetricsText(families: readonly Family[]): string {
  return `${families.map(textOf).join('')}# EOF\n`
}

function textOf({ name, type, unit, help, points }: Family): string {
  const head = [
    `# TYPE ${name} ${type}\n`,
    unit === undefined ? '' : `# UNIT ${name} ${unit}\n`,
    `# HELP ${name} ${escaped(help)}\n`,
  ]
  const lines = points.map(({ labels, value, ending }) => {
    const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escaped(label)}"`)
    const of = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
    return `${name}${ending ?? endings[type]}${of} ${numberText(value)}\n`
  })
  return head.join('') + lines.join('')
}

const endings = { gauge: '', summary: '', counter: '_total', info: '_info' } as const

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
