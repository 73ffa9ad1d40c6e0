import { saveFile } from './save-file.ts'

const margin = 16
const lineHeight = 18

/** Saves a chart as a picture: its title, the chart itself, and the names of its lines, on the ground of the page. */
export function saveChartImage(figure: HTMLElement, title: string): void {
  const drawn = figure.querySelector('canvas')
  if (drawn === null) return
  const scale = devicePixelRatio
  const styles = getComputedStyle(figure)
  const keys = [...figure.querySelectorAll('.u-legend .u-series:not(:first-child):not(.legend-hidden)')].map((row) => ({
    label: row.querySelector('.u-label')?.textContent ?? '',
    colour: getComputedStyle(row.querySelector('.u-marker') ?? row).backgroundColor,
  }))
  const picture = document.createElement('canvas')
  picture.width = drawn.width + 2 * margin * scale
  picture.height = drawn.height + (3 * margin + lineHeight * (1 + keys.length)) * scale
  const pen = picture.getContext('2d')
  if (pen === null) return
  pen.fillStyle = styles.getPropertyValue('--sheet') || '#ffffff'
  pen.fillRect(0, 0, picture.width, picture.height)
  pen.scale(scale, scale)
  pen.fillStyle = styles.color
  pen.font = `600 14px ${styles.fontFamily}`
  pen.fillText(title, margin, margin + 12)
  pen.drawImage(drawn, margin, margin + lineHeight, drawn.width / scale, drawn.height / scale)
  pen.font = `12px ${styles.fontFamily}`
  keys.forEach(({ label, colour }, i) => {
    const y = 2 * margin + lineHeight + drawn.height / scale + i * lineHeight
    pen.fillStyle = colour
    pen.fillRect(margin, y + 3, 12, 3)
    pen.fillStyle = styles.color
    pen.fillText(label, margin + 20, y + 8)
  })
  picture.toBlob((blob) => {
    if (blob !== null) saveFile(blob, `${title}.png`)
  }, 'image/png')
}
