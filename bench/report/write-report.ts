import { writeFileSync } from 'node:fs';
import { pageHtml } from '../page.ts';
import { writePicture } from '../picture.ts';
import { barsOf } from './bars.ts';
import type { Journal } from './journal.ts';
import type { Measured } from './measured.ts';
import { environmentSection, factsOf, htmlOf, markdownOf, sectionsOf } from './sections.ts';
import { timedClasses, variantsLine } from './variant-stage.ts';

/** Writes what there is: a table in Markdown, the picture (SVG: a server may have no fonts to draw with), a page. */
export async function writeReport(journal: Journal, measured: Measured): Promise<void> {
  const { environment, capabilities } = measured;
  const rows = journal.rows();
  const records = journal.records();
  const { software, f16 } = capabilities;
  const bars = barsOf({ rows, records, environment, software, f16 });
  const sections = sectionsOf({ rows, records, bars });
  const line = variantsLine(timedClasses(records), environment);
  if (line) writeFileSync(journal.file('variants.json'), `${JSON.stringify(line, null, 2)}\n`);
  const [first, ...rest] = sections;
  const title = `miaobi on ${environment.driver}`;
  writeFileSync(journal.file('report.md'), markdownOf(title, [...sections, environmentSection(measured)]));
  const drawn = rows.filter(({ suite }) => suite !== 'peers');
  await writePicture(journal.file('roofline.svg'), drawn);
  const parts = { title, above: htmlOf([first]), below: htmlOf(rest), facts: factsOf(measured) };
  writeFileSync(journal.file('report.html'), pageHtml(drawn, undefined, parts));
}
