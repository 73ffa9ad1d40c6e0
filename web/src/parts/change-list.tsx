import type { ReactNode } from 'react'
import type { Difference } from '../../../src/contract/index.ts'
import { writeValue } from '../model/document.ts'
import { texts } from '../texts.ts'

/** Every object of the configuration that changes, each to be opened for what it was and will be. */
export function ChangeList({ difference }: { difference: Pick<Difference, 'summary' | 'changes'> }): ReactNode {
  const { add, change, remove } = difference.summary
  return (
    <>
      <p className="difference-sum">{texts.configuration.summary(add, change, remove)}</p>
      <ul className="changes">
        {difference.changes.map((one, i) => (
          <li key={i} className={`change change-${one.action}`}>
            <details>
              <summary>
                <span className={`mark act-${one.action}`}>{texts.configuration.action[one.action]}</span>
                <span className="dim">{one.kind}</span> <code className="break">{one.path}</code>
              </summary>
              <Sides before={one.before} after={one.after} />
            </details>
          </li>
        ))}
      </ul>
    </>
  )
}

/** A value before and after; a side that is undefined is left out. */
export function Sides({ before, after }: { before: unknown; after: unknown }): ReactNode {
  return (
    <div className="change-sides">
      {before === undefined ? null : (
        <div>
          <span className="label">{texts.configuration.before}</span>
          <pre className="code">{writeValue(before)}</pre>
        </div>
      )}
      {after === undefined ? null : (
        <div>
          <span className="label">{texts.configuration.after}</span>
          <pre className="code">{writeValue(after)}</pre>
        </div>
      )}
    </div>
  )
}
