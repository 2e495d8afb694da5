//! Dockerfiles as the daemon's classic builder reads them: what a build, a commit or an import would
//! bring about by its instructions.
//!
//! ```text
//! text ─► lines (joined) ─► words (instruction, flags) ─► expand (variables of scope) ─► effects
//! ```
//!
//! What the daemon takes in another way from version to version is refused, and so is what it would
//! refuse itself. Judged are the images (`FROM`, `COPY --from`), the user that a stage ends with
//! (`USER`: what was built runs as that one) and the variables (`ENV`, `ARG`, which steps see). A
//! Dockerfile that names no user asks for none. Knows nothing of archives and queries.

mod expand;
mod fault;
mod lines;
mod scope;
mod words;

use std::collections::{HashMap, HashSet};

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects, texts};
use crate::image::ImageRef;
use crate::policy::effects::{
    BuildEffect, Effect, EnvironmentEffect, FieldPath, IdentityEffect, ImageEffect, ImageNames,
    Opaque, RequestedEffect,
};
use crate::policy::types::{EnvironmentEntry, UserSpec};
use expand::{Expanded, Expander, Variable};
use fault::{Fault, Reason};
use lines::{Line, Lines};
use scope::{Global, Stage};
use words::{Parts, image_of_mount, no_here_document, stage_name};

pub(in crate::effects) use scope::{Dialect, Given};

/// More instructions than anybody writes.
const INSTRUCTIONS_MAX: usize = 4096;
/// Variables that are set altogether.
const VARIABLES_MAX: usize = 4096;
/// Images and stages: for each image the daemon is asked.
const IMAGES_MAX: usize = 64;

/// What a request says beside its Dockerfile.
#[derive(Debug, Default)]
pub(in crate::effects) struct Request<'a> {
    pub(in crate::effects) arguments: Given,
    /// The stage that is built last; nothing means all.
    pub(in crate::effects) target: &'a str,
    pub(in crate::effects) dialect: Dialect,
}

/// Adds what a build by this Dockerfile would bring about.
pub(in crate::effects) fn read_build(
    text: &str,
    request: &Request<'_>,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    const NAME: &str = "Dockerfile";
    let read = lines::read(text).and_then(|Lines { escape, lines }| {
        let mut reader = Reader::new(NAME, escape, &request.arguments, effects);
        match request.dialect {
            Dialect::Classic => reader.build(&lines, request.target),
            Dialect::BuildKit if lines::names_reader(text) => {
                Err(Fault::new(1, "`# syntax=` has an image read it"))
            }
            // Any stage may be taken from.
            Dialect::BuildKit => {
                reader.global.dialect = request.dialect;
                reader.build(&lines, "")
            }
        }
    });
    read.map_err(|fault| fault.at(NAME))
}

/// Adds what instructions would change in an image. Those that can't be read are an effect too: they
/// matter to those only who have a rule that they could break.
pub(in crate::effects) fn read_changes(
    text: &str,
    base: Base,
    name: &'static str,
    effects: &mut Effects,
) {
    let given = Given::new();
    let read = lines::read(text).and_then(|Lines { escape, lines }| {
        let mut reader = Reader::new(name, escape, &given, effects);
        reader.stage = Some(match base {
            Base::Nothing => Stage::empty(),
            Base::Unknown => Stage::upon_image(),
        });
        let read = lines.iter().try_for_each(|line| reader.instruction(line));
        reader.end_user();
        read
    });
    if let Err(fault) = read {
        fault.leave(name, effects);
    }
}

/// Adds what the `OnBuild` of a configuration would bring about.
pub(in crate::effects) fn read_triggers(config: &Object, effects: &mut Effects) {
    for (at, trigger) in texts(config, "OnBuild") {
        read_trigger(trigger, at, "OnBuild", effects);
    }
}

/// Adds what an instruction would bring about that an image leaves for builds upon it.
fn read_trigger(text: &str, at: usize, name: &'static str, effects: &mut Effects) {
    let given = Given::new();
    let read = Reader::new(name, lines::ESCAPE, &given, effects).trigger(text, at);
    if let Err(fault) = read {
        fault.leave(name, effects);
    }
}

/// What instructions change.
#[derive(Debug, Clone, Copy)]
pub(in crate::effects) enum Base {
    Nothing,
    Unknown,
}

/// Goes through the instructions, and remembers what later ones refer to.
struct Reader<'a> {
    /// What messages call the text.
    name: &'static str,
    effects: &'a mut Effects,
    expander: Expander,
    global: Global<'a>,
    /// Stages that are whole, and those of them that have names.
    stages: Vec<Stage>,
    named: HashMap<String, usize>,
    /// The current one.
    stage: Option<Stage>,
    stage_name: Option<String>,
    /// As whom its image runs, unless a later instruction names another.
    user: Option<RequestedEffect>,
    /// Whether this is one instruction for a build yet to come.
    is_trigger: bool,
    images: HashSet<String>,
    variables: usize,
}

impl<'a> Reader<'a> {
    fn new(name: &'static str, escape: char, given: &'a Given, effects: &'a mut Effects) -> Self {
        Self {
            name,
            effects,
            expander: Expander::new(escape),
            global: Global::new(given),
            stages: Vec::new(),
            named: HashMap::new(),
            stage: None,
            stage_name: None,
            user: None,
            is_trigger: false,
            images: HashSet::new(),
            variables: 0,
        }
    }

    fn build(&mut self, lines: &[Line], target: &str) -> Result<(), Fault> {
        if lines.len() > INSTRUCTIONS_MAX {
            return Err(Fault::new(1, "it has too many instructions"));
        }
        let mut is_reached = false;
        for line in lines {
            let parts = parts(line)?;
            if parts.name == "from" {
                // Stages behind the target are not built.
                let current = self.stage_name.as_deref();
                is_reached = is_reached
                    || !target.is_empty() && current == Some(&target.to_ascii_lowercase());
            }
            if !is_reached {
                self.instruction(line)?;
            }
        }
        self.end_user();
        match self.stage {
            Some(_) => Ok(()),
            None => Err(Fault::new(1, "it has no FROM")),
        }
    }

    fn instruction(&mut self, line: &Line) -> Result<(), Fault> {
        let parts = parts(line)?;
        let done = match parts.name.as_str() {
            "from" => self.from(&parts, line.number),
            "arg" => self.arg(&parts, line.number),
            _ if self.stage.is_none() => Err("it stands before any FROM".into()),
            "env" => self.env(&parts, line.number),
            "user" => self.user(&parts, line.number),
            "copy" => self.copy(&parts, line.number),
            "onbuild" => return self.onbuild(&parts, line.number),
            "run" => self.run(&parts, line.number),
            "add" => no_here_document(&parts),
            "cmd" | "entrypoint" | "expose" | "healthcheck" | "label" | "maintainer" | "shell"
            | "stopsignal" | "volume" | "workdir" => Ok(()),
            _ => Err("it is not an instruction that every daemon knows".into()),
        };
        done.map_err(|reason| Fault::new(line.number, reason))
    }

    fn at(&self, line: usize) -> FieldPath {
        FieldPath::Element(self.name, line)
    }

    fn expand(&self, word: &str) -> Result<Expanded, Reason> {
        match &self.stage {
            Some(stage) => self.expander.expand(word, &|name| stage.get(name, &self.global)),
            None => self.expander.expand(word, &|name| self.global.get(name)),
        }
    }

    fn from(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Reason> {
        let words = parts.plain_words();
        let (base, name) = match words.as_slice() {
            [base] => (base, None),
            [base, r#as, name] if r#as.eq_ignore_ascii_case("as") => {
                (base, Some(stage_name(name)?))
            }
            _ => return Err("FROM must have one argument, or three".into()),
        };
        self.end_stage()?;
        let base = self.expander.expand(base, &|name| self.global.get(name))?;
        if base.is_unknown {
            return Err("daemons differ in what it builds upon".into());
        }
        let stage = match base.text.as_str() {
            "" => return Err("FROM names nothing".into()),
            text => match self.named.get(&text.to_ascii_lowercase()) {
                // BuildKit keeps the arguments of the earlier one.
                Some(_) if self.global.dialect == Dialect::BuildKit => Some(Stage::upon_image()),
                Some(earlier) => self.stages.get(*earlier).map(Stage::upon),
                None if text == "scratch" => Some(Stage::empty()),
                None => {
                    self.image(&base, line)?;
                    Some(Stage::upon_image())
                }
            },
        };
        self.stage_name = name;
        self.stage = stage;
        Ok(())
    }

    /// Only now others can refer to it.
    fn end_stage(&mut self) -> Result<(), Reason> {
        let Some(stage) = self.stage.take() else { return Ok(()) };
        self.end_user();
        if self.stages.len() >= IMAGES_MAX {
            return Err("it has too many stages".into());
        }
        if let Some(name) = self.stage_name.take()
            && self.named.insert(name, self.stages.len()).is_some()
        {
            return Err("two stages have one name".into());
        }
        self.stages.push(stage);
        Ok(())
    }

    /// A stage upon this one that names nobody runs as the same user, which needs no second look.
    fn end_user(&mut self) {
        if let Some(RequestedEffect { effect, at }) = self.user.take() {
            self.effects.push(effect, at);
        }
    }

    /// An image that the daemon has, or fetches.
    fn image(&mut self, name: &Expanded, line: usize) -> Result<(), Reason> {
        if !self.images.insert(name.text.clone()) {
            return Ok(());
        }
        if self.images.len() > IMAGES_MAX {
            return Err("it names too many images".into());
        }
        let image = ImageRef::parse(&name.text).map_err(|error| error.to_string())?;
        let at = self.at(line);
        self.effects.push(ImageEffect::Names(ImageNames::One(image.clone())), at.clone());
        self.effects.push(ImageEffect::Used(image), at);
        Ok(())
    }

    fn copy(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Reason> {
        no_here_document(parts)?;
        match parts.flag("from")? {
            None | Some("") => Ok(()),
            Some(from) => self.taken_from(from, line),
        }
    }

    /// Docker's classic builder knows no flags here; Podman mounts images, of which there may be several.
    fn run(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Reason> {
        no_here_document(parts)?;
        let mounts = parts.flags.iter().filter_map(|flag| flag.strip_prefix("--mount="));
        let mut images = mounts.flat_map(|mount| mount.split(',')).filter_map(image_of_mount);
        images.try_for_each(|from| match self.global.dialect {
            Dialect::Classic => self.taken_from(from, line),
            Dialect::BuildKit if from.contains('$') => {
                Err("daemons differ in what a mount is taken from".into())
            }
            // A number is the name of an image, too.
            Dialect::BuildKit if self.named.contains_key(&from.to_ascii_lowercase()) => Ok(()),
            Dialect::BuildKit => {
                let from = Expanded { text: from.to_owned(), is_unknown: false };
                self.image(&from, line)
            }
        })
    }

    fn taken_from(&mut self, from: &str, line: usize) -> Result<(), Reason> {
        // The daemon takes what is no number for the name of an image; signs count as Go has them.
        match from.parse::<i64>() {
            _ if !self.is_trigger && self.named.contains_key(&from.to_ascii_lowercase()) => Ok(()),
            Ok(_) if self.is_trigger => Ok(()),
            Ok(index) if usize::try_from(index).is_ok_and(|index| index < self.stages.len()) => {
                Ok(())
            }
            Ok(_) => Err("COPY takes from a stage that is not there".into()),
            Err(_) => {
                let from = Expanded { text: from.to_owned(), is_unknown: false };
                self.image(&from, line)
            }
        }
    }

    fn user(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Reason> {
        if parts.arguments.is_empty() {
            return Err("USER has no argument".into());
        }
        let user = self.expand(parts.arguments)?;
        let at = self.at(line);
        let effect = match (user.is_unknown, user.text.as_str()) {
            (true, _) => {
                Effect::Build(BuildEffect::Opaque(Opaque::User(parts.arguments.to_owned())))
            }
            // Without a name it is number 0 again.
            (false, text) => {
                let text = if text.is_empty() { "0" } else { text };
                Effect::Identity(IdentityEffect::User(
                    UserSpec::parse(text).map_err(|error| error.to_string())?,
                ))
            }
        };
        self.user = Some(RequestedEffect { effect, at });
        // Nobody sees what follows it in the stage to come.
        if self.is_trigger {
            self.end_user();
        }
        Ok(())
    }

    fn env(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Reason> {
        let pairs = words::pairs(parts.arguments, self.expander.escape)?;
        let expand = |(name, value): &(String, String)| {
            Ok::<_, Reason>((self.expand(name)?, self.expand(value)?))
        };
        // All of them before the first is set.
        let expanded = pairs.iter().map(expand).collect::<Result<Vec<_>, _>>()?;
        for (name, value) in expanded {
            let value = value.into_variable();
            let is_known = self.variable(&name, &value, line)?;
            let Some(stage) = &mut self.stage else { continue };
            match is_known {
                true => stage.set(name.text, value),
                false => stage.forget(),
            }
        }
        Ok(())
    }

    fn arg(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Reason> {
        let words = words::words(parts.arguments, self.expander.escape);
        if words.is_empty() {
            return Err("ARG names nothing".into());
        }
        let declaration = |word: &String| {
            let (name, default) = match word.split_once('=') {
                Some(("", _)) => return Err("ARG names nothing".into()),
                Some((name, default)) => (name, Some(default)),
                None => (word.as_str(), None),
            };
            let default = default.map(|default| self.expand(default)).transpose()?;
            Ok((self.expand(name)?, default.map_or(Variable::Unset, Expanded::into_variable)))
        };
        // All of them before the first is declared.
        let declared = words.iter().map(declaration).collect::<Result<Vec<_>, Reason>>()?;
        declared.into_iter().try_for_each(|(name, default)| self.argument(name, default, line))
    }

    /// Steps see arguments as variables, with the value that counts in the end.
    fn argument(&mut self, name: Expanded, default: Variable, line: usize) -> Result<(), Reason> {
        let value = match &mut self.stage {
            None => {
                self.global.declare(name.text.clone(), default);
                self.global.get(&name.text)
            }
            Some(stage) => {
                // BuildKit forgets no default for want of another one.
                let is_repeated = stage.declares(&name.text);
                let is_known = self.global.dialect == Dialect::Classic || !is_repeated;
                let default = if is_known { default } else { Variable::Unknown };
                stage.declare(name.text.clone(), default);
                stage.argument(&name.text, &self.global)
            }
        };
        if value != Variable::Unset || name.is_unknown {
            let is_known = self.variable(&name, &value, line)?;
            if let (Some(stage), false) = (&mut self.stage, is_known) {
                stage.forget();
            }
        }
        Ok(())
    }

    /// A variable is set; whether its name is known.
    fn variable(&mut self, name: &Expanded, value: &Variable, line: usize) -> Result<bool, Reason> {
        self.variables += 1;
        if self.variables > VARIABLES_MAX {
            return Err("it sets too many variables".into());
        }
        // `ARG A` again and again is short, and copies what `A` is each time.
        if let Variable::Set(value) = value {
            self.expander.add(value.len())?;
        }
        if !name.is_unknown && (name.text.is_empty() || name.text.contains('=')) {
            return Err("a variable has no name, or one with `=` in it".into());
        }
        let effect = match (name.is_unknown, value) {
            (true, _) => Effect::Build(BuildEffect::Opaque(Opaque::Variable)),
            (false, Variable::Set(value)) => {
                let entry = EnvironmentEntry::parse(&format!("{}={value}", name.text));
                Effect::Environment(EnvironmentEffect::Set(
                    entry.map_err(|error| error.to_string())?,
                ))
            }
            (false, _) => Effect::Environment(EnvironmentEffect::Template(name.text.clone())),
        };
        let at = self.at(line);
        self.effects.push(effect, at);
        Ok(!name.is_unknown)
    }

    fn onbuild(&mut self, parts: &Parts<'_>, line: usize) -> Result<(), Fault> {
        if self.is_trigger || !parts.flags.is_empty() {
            return Err(Fault::new(line, "ONBUILD is not allowed here"));
        }
        self.trigger(parts.arguments, line)?;
        if let Some(stage) = &mut self.stage {
            stage.has_triggers = true;
        }
        Ok(())
    }

    /// An instruction for builds upon the image: judged now, since nobody sees it then. What
    /// it refers to is not known yet.
    fn trigger(&mut self, text: &str, line: usize) -> Result<(), Fault> {
        let lines = lines::read(text).map_err(|found| Fault { line, ..found })?;
        let [Line { text, .. }] = lines.lines.as_slice() else {
            return Err(Fault::new(line, "ONBUILD takes one instruction"));
        };
        let trigger = Line { number: line, text: text.clone() };
        if matches!(parts(&trigger)?.name.as_str(), "from" | "maintainer") {
            return Err(Fault::new(line, "this is not an instruction for ONBUILD"));
        }
        let read = self.trigger_by(lines::ESCAPE, &trigger);
        if !trigger.text.contains(lines::ESCAPES) {
            return read;
        }
        // Its words are read by the escape of the Dockerfile that builds upon the image, whichever that will be; one
        // that cannot read them cannot build.
        self.trigger_by(lines::OTHER_ESCAPE, &trigger).or(read)
    }

    fn trigger_by(&mut self, escape: char, trigger: &Line) -> Result<(), Fault> {
        let given = Given::new();
        let mut reader = Reader::new(self.name, escape, &given, &mut *self.effects);
        reader.global.dialect = self.global.dialect;
        reader.stage = Some(Stage::upon_image());
        reader.is_trigger = true;
        reader.images = std::mem::take(&mut self.images);
        reader.variables = self.variables;
        let read = reader.instruction(trigger);
        (self.images, self.variables) = (reader.images, reader.variables);
        read
    }
}

fn parts(line: &Line) -> Result<Parts<'_>, Fault> {
    Parts::read(&line.text).map_err(|reason| Fault::new(line.number, reason))
}

#[cfg(test)]
mod tests;
