import { sapFunctions, TargetError, type SapFunction, type SapTableRequest } from '../../sdk/index.ts'
import { escaped, nodesIn, textIn, type XmlNode } from '../network/soap.ts'

/** The longest line of a WHERE clause that RFC_READ_TABLE takes. */
const lineLength = 72

/**
 * The question to RFC_READ_TABLE. Tables that are to come back must be sent along empty.
 * @throws TargetError `configuration` for a function that is not in the list, and for a clause that cannot be cut into lines
 */
export function readTableEnvelope(request: SapTableRequest, functionModule: SapFunction = 'RFC_READ_TABLE'): string {
  if (!sapFunctions.includes(functionModule))
    throw new TargetError(
      'configuration',
      `${JSON.stringify(String(functionModule).slice(0, 60))} is not a function that reads, and is never called`,
    )
  const items = (name: string, values: readonly string[]) =>
    values.map((value) => `<item><${name}>${escaped(value)}</${name}></item>`).join('')
  return (
    '<?xml version="1.0" encoding="utf-8"?>' +
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:sap-com:document:sap:rfc:functions"><SOAP-ENV:Body>' +
    `<urn:${functionModule}><DATA/><DELIMITER/><FIELDS>${items('FIELDNAME', request.fields)}</FIELDS><NO_DATA/>` +
    `<OPTIONS>${items('TEXT', whereLines(request.where))}</OPTIONS><QUERY_TABLE>${escaped(request.table)}</QUERY_TABLE>` +
    `<ROWCOUNT>${request.maxRows}</ROWCOUNT><ROWSKIPS>0</ROWSKIPS></urn:${functionModule}>` +
    '</SOAP-ENV:Body></SOAP-ENV:Envelope>'
  )
}

/**
 * Cuts a clause at blanks, never within a literal.
 * @throws TargetError `configuration` where a part has no blank to be cut at
 */
export function whereLines(where: string): string[] {
  const words = where.replaceAll(/[\r\n\t]/g, ' ').match(/(?:'[^']*'|[^\s'])+|'/g) ?? []
  const lines: string[] = []
  for (const word of words) {
    if (word.length > lineLength)
      throw new TargetError('configuration', `a part of the condition is longer than ${lineLength} characters`)
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= lineLength) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Cuts the rows of an answer by the places it names; undefined where it is no answer of RFC_READ_TABLE. */
export function tableRows(content: XmlNode, fields: readonly string[]): Readonly<Record<string, string>>[] | undefined {
  const places = new Map(
    itemsOf(content, 'FIELDS').map((field) => {
      const offset = Number(textIn(field, 'OFFSET', 10) ?? Number.NaN)
      const length = Number(textIn(field, 'LENGTH', 10) ?? Number.NaN)
      return [(textIn(field, 'FIELDNAME', 60) ?? '').trim(), { offset, length }] as const
    }),
  )
  for (const field of fields) {
    const place = places.get(field)
    if (place === undefined || !Number.isInteger(place.offset) || !Number.isInteger(place.length)) return undefined
  }
  return itemsOf(content, 'DATA').map((row) => {
    const text = textIn(row, 'WA', 4_096) ?? ''
    return Object.fromEntries(
      fields.map((field) => {
        const { offset, length } = places.get(field)!
        return [field, text.slice(offset, offset + length).trim()]
      }),
    )
  })
}

function itemsOf(content: XmlNode, list: string): XmlNode[] {
  return nodesIn(content, list).flatMap((holder) =>
    typeof holder === 'string' ? [] : nodesIn(holder, 'item').filter((item) => typeof item !== 'string'),
  )
}
