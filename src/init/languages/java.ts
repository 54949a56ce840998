import { execForm } from '../../dockerfile/json-form.ts';
import { EXIT, JettisonError } from '../../errors/error.ts';
import { copyText, runText } from '../dockerfile-text.ts';
import { healthRoute } from '../health-route.ts';
import { type Recipe, type RecipeOptions, type Step, step } from '../image-recipe.ts';
import { hasFolder, type ProjectFiles } from '../project-files.ts';
import { wgetHealthcheck } from '../static-server.ts';

const DEFAULT_VERSION = '21';
const PORT = 8080;

/** A Java service of Maven or Gradle: built with a JDK, run with a JRE. @throws JettisonError `INIT_BASE` */
export function javaRecipe(files: ProjectFiles, options: RecipeOptions): Recipe | undefined {
  const isMaven = files.has('pom.xml');
  const script = ['build.gradle', 'build.gradle.kts'].find((path) => files.has(path));
  if (!isMaven && script === undefined) return undefined;
  const family = options.base ?? 'alpine';
  if (family === 'host') {
    throw new JettisonError('INIT_BASE', '--base host has Node, and no Java', {
      exitCode: EXIT.usage,
      hint: 'Use --base alpine, slim or distroless.',
    });
  }
  const text = files.text(isMaven ? 'pom.xml' : script!) ?? '';
  const version = javaVersion(text);
  const isSpring = /org\.springframework\.boot/.test(text);
  const hasActuator = /spring-boot-starter-actuator/.test(text);
  const health = hasActuator ? '/actuator/health' : healthRoute(files, '');
  const isWeb = isSpring || /quarkus|micronaut|javalin|jetty|undertow/.test(text);
  const runtime =
    family === 'distroless'
      ? `gcr.io/distroless/java${version}-debian12`
      : `eclipse-temurin:\${JAVA_VERSION}-jre${family === 'alpine' ? '-alpine' : ''}`;
  const asks = health !== undefined && isWeb && family === 'alpine';
  return {
    description: `Java ${version}${isSpring ? ', Spring Boot' : ''}, ${isMaven ? 'Maven' : 'Gradle'}`,
    args: [
      step(
        `ARG JAVA_VERSION=${version}`,
        `The version: ${isMaven ? 'pom.xml' : script}, else the newest with long-term support.`,
      ),
    ],
    stages: [
      {
        comment: 'the JDK and the build tool',
        from: isMaven ? `maven:3-eclipse-temurin-\${JAVA_VERSION}` : `eclipse-temurin:\${JAVA_VERSION}-jdk`,
        name: 'build',
        steps: [
          step('WORKDIR /src'),
          ...(isMaven ? mavenSteps(files) : gradleSteps(files, script!, isSpring)),
        ],
      },
      {
        comment: 'the image: a JRE and the archive',
        from: runtime,
        name: 'production',
        steps: [
          step('WORKDIR /app'),
          step('COPY --from=build /out/app.jar ./app.jar'),
          step('USER 65532:65532', 'A number, not a name: an orchestrator sees that it is not root.'),
          ...(isWeb ? [step(`EXPOSE ${PORT}`)] : []),
          ...(asks ? [wgetHealthcheck(`http://127.0.0.1:${PORT}${health}`, 30)] : []),
          step(
            `ENTRYPOINT ${execForm([family === 'distroless' ? '/usr/bin/java' : 'java', '-XX:MaxRAMPercentage=75', '-jar', '/app/app.jar'])}`,
            "Exec form: signals reach Java. The heap follows the container's memory.",
          ),
        ],
      },
    ],
    ignored: ['target', 'build', '.gradle', '**/*.class'],
    ...(isWeb ? { port: PORT } : {}),
    ...(health === undefined ? {} : { health }),
    hostBases: [],
    notes:
      isWeb && health === undefined
        ? ['No route for a health check was found: add spring-boot-starter-actuator.']
        : [],
  };
}

function mavenSteps(files: ProjectFiles): Step[] {
  const cache = 'type=cache,target=/root/.m2/repository';
  const secret = 'type=secret,id=maven,target=/root/.m2/settings.xml';
  const modules = files.paths.filter((path) => path.endsWith('/pom.xml'));
  return [
    step(copyText(['pom.xml'], './'), 'Dependencies first: an edit of a source does not fetch them again.'),
    ...modules.map((path) => step(copyText([path], `./${path}`))),
    step(
      runText([secret, cache], 'mvn --batch-mode dependency:go-offline'),
      'Private repository: --secret id=maven,src=$HOME/.m2/settings.xml',
    ),
    step('COPY . .'),
    step(
      runText(
        [secret, cache],
        'mvn --batch-mode package -DskipTests && \\\n    mkdir /out && \\\n    cp "$(ls -S target/*.jar | grep -v -e -sources -e -javadoc -e original- | head -n 1)" /out/app.jar',
      ),
      'Tests belong to a stage or a job of their own.',
    ),
  ];
}

function gradleSteps(files: ProjectFiles, script: string, isSpring: boolean): Step[] {
  if (!files.has('gradlew') || !hasFolder(files, 'gradle/wrapper')) {
    throw new JettisonError('INIT_MANAGER', 'the project has no Gradle wrapper', {
      hint: 'Add it with `gradle wrapper`: it says which Gradle builds the project.',
    });
  }
  const cache = 'type=cache,target=/root/.gradle';
  const settings = ['settings.gradle', 'settings.gradle.kts', 'gradle.properties'].filter((path) =>
    files.has(path),
  );
  return [
    step(
      copyText(['gradlew', script, ...settings], './'),
      'Gradle and dependencies first: an edit of a source does not fetch them again.',
    ),
    step('COPY gradle ./gradle'),
    step(runText([cache], './gradlew --no-daemon dependencies')),
    step('COPY . .'),
    step(
      runText(
        [cache],
        `./gradlew --no-daemon ${isSpring ? 'bootJar' : 'jar'} && \\\n    mkdir /out && \\\n    cp "$(ls -S build/libs/*.jar | grep -v -e -plain | head -n 1)" /out/app.jar`,
      ),
      'Tests belong to a stage or a job of their own.',
    ),
  ];
}

function javaVersion(text: string): string {
  const found =
    /<(?:java\.version|maven\.compiler\.release|release)>\s*(\d+)/.exec(text)?.[1] ??
    /JavaLanguageVersion\.of\((\d+)\)|VERSION_(\d+)\b/.exec(text)?.slice(1).find(Boolean);
  return found ?? DEFAULT_VERSION;
}
