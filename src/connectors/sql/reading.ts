import { StatementRefused } from '../../sdk/index.ts'

/** Texts and comments of a statement hold words that do nothing; what is left is what is done. */
function bare(sql: string): string {
  return sql
    .replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]/g, ' ')
    .replace(/\/\*(?!!)[\s\S]*?\*\/|--[^\n]*/g, ' ')
    .trim()
}

const writes =
  /\b(?:insert|update|delete|merge|replace\s+into|truncate|drop|alter|create|grant|revoke|exec|execute|call|into|lock|kill|shutdown|backup|restore|dbcc|openrowset|opendatasource|openquery)\b|\/\*!/i

/**
 * For databases whose sessions cannot be told to only read, or not to read into files: refuses what is no single question. It errs on the side
 * of refusing; the account's privileges are what really protects a database, and the reference page asks for few.
 * @throws StatementRefused in place of the server
 */
export function onlyReading(sql: string): void {
  const words = bare(sql)
  const no = (why: string) => new StatementRefused('read-only', `not sent: ${why}`)
  if (!/^\(*\s*(?:select|with|values|table|show)\b/i.test(words)) throw no('it is not a query')
  if (words.includes(';')) throw no('it is more than one statement')
  const found = writes.exec(words)
  if (found !== null) throw no(`it would ${found[0].toLowerCase()}`)
}
