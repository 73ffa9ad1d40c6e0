import type { ReactNode } from 'react'
import type { Difference } from '../../../src/contract/index.ts'
import { writeValue } from '../model/document.ts'
import { texts } from '../texts.ts'

/** So many are drawn; a difference of ten thousand objects is not read line by line. */
const mostShown = 300

/** A difference, a line an object; each opens to what was and what is. */
export function ChangeList({
  difference,
  isDone = false,
}: {
  readonly difference: Pick<Difference, 'summary' | 'changes'>
  /** It was made, and is not only looked at before. */
  readonly isDone?: boolean
}): ReactNode {
  const { add, change, remove } = difference.summary
  const { changes } = difference
  return (
    <>
      <p className="difference-sum">
        {isDone ? texts.config.changes.done(add, change, remove) : texts.configuration.summary(add, change, remove)}
      </p>
      <ul className="changes">
        {changes.slice(0, mostShown).map((one, i) => (
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
      {changes.length <= mostShown ? null : (
        <p className="quiet">{texts.config.changes.more(changes.length - mostShown)}</p>
      )}
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
