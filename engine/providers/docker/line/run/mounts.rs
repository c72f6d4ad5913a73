//! `-v`, `--mount`, `--tmpfs`.

use serde_json::{Map, Value, json};

use crate::docker::line::amounts::bytes;
use crate::docker::line::names::{image, is_name};
use crate::docker::line::pairs::put;
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

const HELP: &str = "write ./FOLDER:/PATH or VOLUME:/PATH, and :ro behind it for reading only";

pub(super) fn put_all(
    reader: &Reader,
    body: &mut Map<String, Value>,
    host: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let (mut binds, mut anonymous) = (Vec::new(), Map::new());
    for piece in reader.all("volume") {
        let parts = piece.parts(':')?;
        if let [target] = parts.as_slice() {
            absolute(target)?;
            anonymous.insert(target.value(), json!({}));
        } else {
            binds.push(Value::String(bind(piece, &parts)?));
        }
    }
    put(body, "Volumes", (!anonymous.is_empty()).then_some(Value::Object(anonymous)));
    put(host, "Binds", (!binds.is_empty()).then_some(Value::Array(binds)));
    let mounts = reader.all("mount").into_iter().map(mount).collect::<Result<Vec<_>, _>>()?;
    put(host, "Mounts", (!mounts.is_empty()).then_some(Value::Array(mounts)));
    let mut memory = Map::new();
    for piece in reader.all("tmpfs") {
        let parts = piece.parts(':')?;
        let (path, options) = match parts.as_slice() {
            [path] => (path, String::new()),
            [path, options] => (path, options.value()),
            _ => return Err(piece.problem(format!("`{}` is no tmpfs", piece.shown()), "write /run:size=64m")),
        };
        absolute(path)?;
        memory.insert(path.value(), options.into());
    }
    put(host, "Tmpfs", (!memory.is_empty()).then_some(Value::Object(memory)));
    Ok(())
}

/// The source of `-v SOURCE:TARGET`, checked; the text of the whole as the engine takes it.
fn bind(piece: &Piece, parts: &[Piece]) -> Result<String, Problem> {
    let (from, target, mode) = match parts {
        [from, target] => (from, target, None),
        [from, target, mode] => (from, target, Some(mode)),
        _ => return Err(piece.problem(format!("`{}` is no volume", piece.shown()), HELP)),
    };
    source(from)?;
    absolute(target)?;
    let known = |word: &str| {
        ["ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated"].contains(&word)
            || ["shared", "slave", "private"].contains(&word.strip_prefix('r').unwrap_or(word))
    };
    match mode.and_then(|mode| mode.text.as_deref()) {
        Some(text) if !text.split(',').all(known) => {
            Err(piece.problem(format!("`{text}` is no mode of a volume"), HELP))
        }
        _ => Ok(parts.iter().map(Piece::value).collect::<Vec<_>>().join(":")),
    }
}

/// A path of the host, or the name of a volume.
pub(in crate::docker::line) fn source(piece: &Piece) -> Result<(), Problem> {
    let Some(text) = piece.text.as_deref() else { return Ok(()) };
    if text.starts_with('~') {
        return Err(piece.problem(
            format!("`{text}`: there is no shell here, and `~` is nobody's folder"),
            "write the path out, or {{ env.HOME }}",
        ));
    }
    let path =
        text.starts_with('/') || [".", ".."].contains(&text) || text.starts_with("./") || text.starts_with("../");
    if path || is_name(text) {
        return Ok(());
    }
    let help = if text.contains('/') { format!("write `./{text}` for a folder") } else { HELP.to_owned() };
    Err(piece.problem(format!("`{text}` is neither a path nor a name of a volume"), help))
}

/// A path in a container.
fn absolute(piece: &Piece) -> Result<(), Problem> {
    match piece.text.as_deref() {
        Some("/") => Err(piece.problem("a volume in the place of the whole container", HELP)),
        Some(text) if !text.starts_with('/') => {
            Err(piece.problem(format!("`{text}` is no path in a container: it has to begin with `/`"), HELP))
        }
        _ => Ok(()),
    }
}

const MOUNT: &str = "write type=bind,src=./FOLDER,dst=/PATH or type=volume,src=NAME,dst=/PATH";

/// Flags of a mount without a value stand for this.
const YES: &str = "true";

/// `type=bind,src=…,dst=…`.
fn mount(piece: &Piece) -> Result<Value, Problem> {
    if piece.head.contains('"') {
        return Err(piece.problem("quotes in a mount", "write it without quotes, or use -v"));
    }
    let mut kind = "volume".to_owned();
    let (mut from, mut target) = (None, None);
    let (mut all, mut bind, mut volume, mut memory, mut of_image) =
        (Map::new(), Map::new(), Map::new(), Map::new(), Map::new());
    let (mut labels, mut options, mut driver) = (Map::new(), Map::new(), Map::new());
    for part in piece.parts(',')? {
        let (key, value) = match part.split('=') {
            Some(found) => found,
            None if part.fixed => (part.head.clone(), Piece::fixed(YES, part.at)),
            None => return Err(part.problem("a template for a key of a mount", MOUNT)),
        };
        match key.trim().to_ascii_lowercase().as_str() {
            "type" => kind = written(&value, &["bind", "volume", "tmpfs", "image"])?,
            "source" | "src" => from = Some(value),
            "target" | "dst" | "destination" => target = Some(value),
            "readonly" | "ro" => put(&mut all, "ReadOnly", Some(yes(&value)?)),
            "consistency" => put(&mut all, "Consistency", Some(value.value().into())),
            "bind-propagation" => put(&mut bind, "Propagation", Some(value.value().into())),
            "bind-nonrecursive" => put(&mut bind, "NonRecursive", Some(yes(&value)?)),
            "bind-recursive" => match written(&value, &["enabled", "disabled", "writable", "readonly"])?.as_str() {
                "disabled" => put(&mut bind, "NonRecursive", Some(true.into())),
                "writable" => put(&mut bind, "ReadOnlyNonRecursive", Some(true.into())),
                "readonly" => put(&mut bind, "ReadOnlyForceRecursive", Some(true.into())),
                _ => {}
            },
            "volume-nocopy" => put(&mut volume, "NoCopy", Some(yes(&value)?)),
            "volume-subpath" => put(&mut volume, "Subpath", Some(value.value().into())),
            "volume-driver" => put(&mut driver, "Name", Some(value.value().into())),
            "volume-label" => put_pair(&mut labels, &value),
            "volume-opt" => put_pair(&mut options, &value),
            "image-subpath" => put(&mut of_image, "Subpath", Some(value.value().into())),
            "tmpfs-size" => put(&mut memory, "SizeBytes", Some(bytes(&value)?)),
            "tmpfs-mode" => put(&mut memory, "Mode", Some(octal(&value)?)),
            _ => return Err(part.problem(format!("a mount has no `{key}`"), MOUNT)),
        }
    }
    let target = target.ok_or_else(|| piece.problem("a mount without dst=", MOUNT))?;
    absolute(&target)?;
    put(&mut driver, "Options", (!options.is_empty()).then_some(Value::Object(options)));
    put(&mut volume, "DriverConfig", (!driver.is_empty()).then_some(Value::Object(driver)));
    put(&mut volume, "Labels", (!labels.is_empty()).then_some(Value::Object(labels)));
    check_source(piece, &kind, from.as_ref())?;
    for (own, key, found) in [
        ("bind", "BindOptions", bind),
        ("volume", "VolumeOptions", volume),
        ("tmpfs", "TmpfsOptions", memory),
        ("image", "ImageOptions", of_image),
    ] {
        if !found.is_empty() && own != kind {
            return Err(piece.problem(format!("{own}-… in a mount of type {kind}"), MOUNT));
        }
        put(&mut all, key, (!found.is_empty()).then_some(Value::Object(found)));
    }
    put(&mut all, "Source", from.map(|from| from.value().into()));
    all.insert("Type".into(), kind.into());
    all.insert("Target".into(), target.value().into());
    Ok(Value::Object(all))
}

fn check_source(piece: &Piece, kind: &str, from: Option<&Piece>) -> Result<(), Problem> {
    let Some(from) = from else {
        let needed = ["bind", "image"].contains(&kind);
        return if needed { Err(piece.problem(format!("a mount of type {kind} without src="), MOUNT)) } else { Ok(()) };
    };
    match (kind, from.text.as_deref()) {
        ("tmpfs", _) => Err(piece.problem("a tmpfs has no src=", "leave it out")),
        ("image", _) => image(from).map(|_| ()),
        ("volume", Some(text)) if !is_name(text) => {
            Err(piece.problem(format!("`{text}` is no name of a volume"), "write type=bind for a folder of the host"))
        }
        ("bind", Some(text)) if is_name(text) => {
            Err(piece.problem(format!("`{text}` is no path"), format!("write src=./{text}, or type=volume")))
        }
        ("bind", _) => source(from),
        _ => Ok(()),
    }
}

fn put_pair(into: &mut Map<String, Value>, value: &Piece) {
    match value.split('=') {
        Some((key, value)) => into.insert(key, value.value().into()),
        None => into.insert(value.value(), "".into()),
    };
}

/// One of a few words, written out.
fn written(piece: &Piece, known: &[&str]) -> Result<String, Problem> {
    if piece.fixed && known.contains(&piece.head.as_str()) {
        return Ok(piece.head.clone());
    }
    Err(piece.problem(format!("`{}` is not one of the choices", piece.shown()), format!("one of {}", known.join(", "))))
}

fn yes(piece: &Piece) -> Result<Value, Problem> {
    Ok(Value::Bool(["true", "1"].contains(&written(piece, &["true", "false", "1", "0"])?.as_str())))
}

/// `1770`: rights of a folder.
fn octal(piece: &Piece) -> Result<Value, Problem> {
    match &piece.text {
        None => Ok(piece.value().into()),
        Some(text) => {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
            mode.map(Into::into).ok_or_else(|| piece.problem(format!("`{text}` are no rights"), "write 1770"))
        }
    }
}
