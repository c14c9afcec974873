/** `miaobi pipeline`: label maps → GauGAN → CAP-VSTNet → measures and a zip file, by a recipe. */
import { type Command, Option } from 'commander';
import { STAGES, type StageName } from '../train/pipeline/stages.ts';
import { addOwnAssignments, ownAssignments } from './config.ts';
import { CliError } from './errors.ts';
import { globalsOf, logOf, wholeNumber } from './options.ts';

interface PipelineFlags {
  readonly print?: boolean;
  readonly from?: StageName;
  readonly to?: StageName;
  readonly force?: boolean;
  readonly output?: string;
  readonly memoryLimit?: number;
}

export function registerPipeline(program: Command): void {
  const command = program
    .command('pipeline')
    .description('paint pictures for label maps and repaint them in the style of photos, stage by stage, by a recipe')
    .argument('<recipe>', 'a YAML file, or contest: the recipe that comes along')
    .option('--print', 'print the recipe as it is written, to begin one of your own, and stop')
    .addOption(new Option('--from <stage>', 'begin here; what lies in the folders before is taken').choices(STAGES))
    .addOption(new Option('--to <stage>', 'end here').choices(STAGES))
    .option('--force', 'make everything anew, though nothing changed')
    .option('-o, --output <dir>', "folder of the results, in place of the recipe's")
    .option('--memory-limit <MiB>', 'most GPU memory to use', wholeNumber(16, 2 ** 20))
    .addHelpText('after', EXAMPLES)
    .action(run);
  addOwnAssignments(command);
}

const EXAMPLES = `
Stages: ${STAGES.join(', ')}. Each has its folder below the output and its entry in manifest.json. A stage is skipped while
what it is made of (contents of files, options, weights, the stage's version) stays the same; a run that was stopped goes on
picture by picture. --set changes any key of the recipe.

Examples:
  miaobi pipeline contest --print > mine.yaml
  miaobi pipeline mine.yaml
  miaobi pipeline contest --set labels=maps references=photos label-to-img=label_to_img.json generate.weights=runs/first
  miaobi pipeline mine.yaml --from stylize --set stylize.alpha=0.7`;

async function run(name: string, flags: PipelineFlags, command: Command): Promise<void> {
  const globals = globalsOf(command);
  const { readRecipe, readRecipeText } = await import('../train/pipeline/recipe.ts');
  if (flags.print) {
    process.stdout.write(await readRecipeText(name));
    return;
  }
  const assignments = [...ownAssignments(command), ...(flags.output === undefined ? [] : [`output=${flags.output}`])];
  const recipe = await readRecipe(name, assignments);
  for (const flag of ['from', 'to'] as const) {
    const stage = flags[flag];
    if (stage === undefined || recipe[stage]) continue;
    const there = STAGES.filter((one) => recipe[one]);
    throw new CliError(`--${flag} ${stage}: expected a stage of the recipe, which has ${there.join(', ')}.`);
  }
  const { runPipeline } = await import('./pipeline-run.ts');
  await runPipeline({ recipe, flags, globals, log: logOf(globals), name });
}
