import type { ReactNode } from 'react'

/** Texts of the program with `names` and `commands` set off, as it writes them. */
export function withCode(text: string): ReactNode {
  return text.split('`').map((part, i) =>
    i % 2 === 1 ? (
      <code key={i} className="break">
        {part}
      </code>
    ) : (
      part
    ),
  )
}
