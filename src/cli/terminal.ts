import type { Readable, Writable } from 'node:stream'

/** Everything of the process that the command line touches, so that a test can run any command in memory. */
export interface Terminal {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Whether a person looks at stdout: then tables may have colours. */
  readonly isInteractive: boolean
  readonly columns: number
}

/** Done, refused or failed, wrong use; and what monitoring plugins end with where they could not find out. */
export const exitCodes = { done: 0, failed: 1, wrongUse: 2, unknown: 3 } as const

export function line(to: Writable, text: string): void {
  to.write(`${text}\n`)
}

/** Lines up columns of text, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Makes text from elsewhere harmless on a terminal: control characters, which could move the cursor or colour the screen, become visible. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** A size as people compare sizes of memory and disks. */
export function mib(bytes: number): string {
  return bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GiB` : `${(bytes / 1024 ** 2).toFixed(0)} MiB`
}
