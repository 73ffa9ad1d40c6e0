import { StatementRefused } from '../../sdk/index.ts'

/** How a database reads its statements: what quotes a text or a name, and what begins a comment up to the end of the line. */
interface Reading {
  readonly quotes: Readonly<Record<string, string>>
  readonly escapes: boolean
  readonly comment: RegExp
}

const readings = {
  // Two hyphens are a comment only before a space; `1--1` is 2.
  mysql: { quotes: { "'": "'", '"': '"', '`': '`' }, escapes: true, comment: /^(?:--(?=\s|$)|#)/ },
  mssql: { quotes: { "'": "'", '"': '"', '[': ']' }, escapes: false, comment: /^--/ },
} as const satisfies Record<string, Reading>

/** What a statement does, without the words in its texts, quoted names and comments. Undefined where it holds a comment of several lines. */
function bare(sql: string, { quotes, escapes, comment }: Reading): string | undefined {
  let left = ''
  let i = 0
  while (i < sql.length) {
    const one = sql[i]!
    const end = quotes[one]
    if (end !== undefined) {
      i++
      while (i < sql.length && (sql[i] !== end || sql[i + 1] === end))
        i += sql[i] === end || (escapes && sql[i] === '\\' && one !== '`') ? 2 : 1
      i++
      left += ' '
    } else if (sql.startsWith('/*', i)) {
      return undefined
    } else if (comment.test(sql.slice(i, i + 3))) {
      const line = sql.indexOf('\n', i)
      i = line < 0 ? sql.length : line
    } else {
      left += one
      i++
    }
  }
  return left.trim()
}

const writes =
  /\b(?:insert|update|delete|merge|replace\s+into|truncate|drop|alter|create|grant|revoke|exec|execute|call|into|lock|kill|shutdown|backup|restore|dbcc|use|set|declare|begin|commit|openrowset|opendatasource|openquery)\b/i

/**
 * For databases whose sessions cannot be told to read only, or not to write files: refuses what is no single question. It errs on the side of
 * refusing; the account's privileges are what really protects a database, and the reference page asks for few.
 * @throws StatementRefused in place of the server
 */
export function onlyReading(sql: string, dialect: keyof typeof readings): void {
  const no = (why: string) => new StatementRefused('read-only', `not sent: ${why}`)
  const words = bare(sql, readings[dialect])
  // MySQL carries out what stands in some of them, and SQL Server lets them hold one another.
  if (words === undefined) throw no('it holds a comment of the kind /* */')
  if (!/^[(\s]*(?:select|with|values|table|show)\b/i.test(words)) throw no('it is not a query')
  if (words.includes(';')) throw no('it is more than one statement')
  const found = writes.exec(words)
  if (found !== null) throw no(`it holds the word ${found[0].toUpperCase()}`)
}
