import { suggest, type Problem } from '../base/index.ts'

/**
 * Small, safe templates: text with `{{field}}` in it, and nothing else. No conditions, no loops, no code: a template is
 * configuration that somebody pastes, so the worst it may do is to look ugly.
 *
 * - `text`: the values as they are, on one line.
 * - `json`: the template is a JSON document. Within a string a value is escaped for that place: `"Now {{alarm.severity}}"`.
 *   Outside of strings it stands as a JSON value of its own kind: `"value": {{alarm.value}}` becomes `81.5`, `"x"` or `null`.
 *   So no value, whatever it holds, can change the document's structure.
 */
export type TemplateForm = 'text' | 'json'

/** A field that a template may name. `nullable`: there are moments when it has no value. */
export interface TemplateField {
  readonly kind: 'text' | 'number'
  readonly nullable?: true
}

export interface Template {
  fill(values: Readonly<Record<string, string | number | null>>): string
}

type Piece =
  | { readonly is: 'literal'; readonly text: string }
  | { readonly is: 'field'; readonly name: string; readonly inString: boolean }

function piecesOf(template: string, form: TemplateForm): Piece[] {
  const pieces: Piece[] = []
  let inString = false
  let from = 0
  for (let i = 0; i < template.length;) {
    const field = template[i] === '{' ? /^\{\{\s*([A-Za-z][\w.]*)\s*\}\}/.exec(template.slice(i, i + 100)) : null
    if (field !== null) {
      pieces.push({ is: 'literal', text: template.slice(from, i) })
      pieces.push({ is: 'field', name: field[1]!, inString })
      i += field[0].length
      from = i
    } else if (form === 'json' && inString && template[i] === '\\') i += 2
    else {
      if (form === 'json' && template[i] === '"') inString = !inString
      i++
    }
  }
  pieces.push({ is: 'literal', text: template.slice(from) })
  return pieces
}

function fillPieces(
  pieces: readonly Piece[],
  form: TemplateForm,
  valueOf: (name: string) => string | number | null,
): string {
  return pieces
    .map((piece) => {
      if (piece.is === 'literal') return piece.text
      const value = valueOf(piece.name)
      if (form === 'text') return String(value ?? '').replaceAll(/\s+/g, ' ')
      return piece.inString ? JSON.stringify(String(value ?? '')).slice(1, -1) : JSON.stringify(value)
    })
    .join('')
}

/** Everything that is wrong with a template, in words for who wrote it. `path` is the setting it stands in. */
export function templateProblems(
  template: string,
  form: TemplateForm,
  fields: Readonly<Record<string, TemplateField>>,
  path: string,
): readonly Problem[] {
  const pieces = piecesOf(template, form)
  const unknown = [
    ...new Set(
      pieces.flatMap((piece) => (piece.is === 'field' && !Object.hasOwn(fields, piece.name) ? [piece.name] : [])),
    ),
  ]
  if (unknown.length > 0) {
    return unknown.map((name) => ({
      path,
      message: `{{${name}}} is not a field`,
      hint: suggest(name, Object.keys(fields)),
    }))
  }
  const stray = pieces.find((piece) => piece.is === 'literal' && piece.text.includes('{{'))
  if (stray !== undefined) {
    return [
      { path, message: 'holds a {{ that is not closed as a field', hint: 'Fields are written {{alarm.severity}}' },
    ]
  }
  if (form === 'text') return []
  // A filled place is either within a string, where everything is escaped, or one complete JSON value. So whether the whole is JSON
  // depends on the kinds of the values alone, and trying each kind once (with nothing, and with something) decides it for all.
  for (const empty of [true, false]) {
    const text = fillPieces(pieces, form, (name) => {
      const field = fields[name]!
      if (field.nullable === true && empty) return null
      return field.kind === 'number' ? 1 : 'text'
    })
    try {
      JSON.parse(text)
    } catch (thrown) {
      return [
        {
          path,
          message: `is not a JSON document when its fields are filled in: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
          hint: 'For example: { "text": "{{alarm.severity}} {{alarm.message}}", "value": {{alarm.value}} }',
        },
      ]
    }
  }
  return []
}

/** Prepares a template that was found to have no problems. */
export function compileTemplate(template: string, form: TemplateForm): Template {
  const pieces = piecesOf(template, form)
  return { fill: (values) => fillPieces(pieces, form, (name) => values[name] ?? null) }
}
