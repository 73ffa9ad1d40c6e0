import type { ReactNode } from 'react'

/** Names and values below each other: what is known about one thing. */
export function Facts({ children }: { children: ReactNode }): ReactNode {
  return <dl className="facts">{children}</dl>
}

export function Fact({ name, bad, children }: { name: string; bad?: boolean; children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={bad === true ? 'bad' : undefined}>{children}</dd>
    </div>
  )
}
