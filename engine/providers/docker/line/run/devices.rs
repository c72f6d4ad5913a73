//! Devices and their limits, and limits of users.

use serde_json::{Map, Value, json};

use crate::docker::line::amounts::{bytes, whole};
use crate::docker::line::pairs::{pair, put};
use crate::line::problem::Problem;
use crate::line::reader::Reader;
use crate::line::word::Piece;

pub(super) fn put_all(reader: &Reader, host: &mut Map<String, Value>) -> Result<(), Problem> {
    for (flag, key, amount, read) in [
        ("blkio-weight-device", "BlkioWeightDevice", "Weight", count as fn(&Piece) -> _),
        ("device-read-bps", "BlkioDeviceReadBps", "Rate", bytes),
        ("device-write-bps", "BlkioDeviceWriteBps", "Rate", bytes),
        ("device-read-iops", "BlkioDeviceReadIOps", "Rate", count),
        ("device-write-iops", "BlkioDeviceWriteIOps", "Rate", count),
    ] {
        let of = |piece: &Piece| {
            let (path, value) = piece.split(':').filter(|(path, _)| path.starts_with("/dev/")).ok_or_else(|| {
                piece.problem(format!("`{}` is no DEVICE:AMOUNT", piece.shown()), "write /dev/sda:1mb")
            })?;
            Ok(json!({"Path": path, amount: read(&value)?}))
        };
        put(host, key, each(reader, flag, of)?);
    }
    put(host, "Devices", each(reader, "device", device)?);
    put(host, "Ulimits", each(reader, "ulimit", |piece| ulimit(reader, piece))?);
    Ok(())
}

fn each(
    reader: &Reader,
    flag: &str,
    read: impl Fn(&Piece) -> Result<Value, Problem>,
) -> Result<Option<Value>, Problem> {
    let found = reader.all(flag).into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok((!found.is_empty()).then_some(Value::Array(found)))
}

fn count(piece: &Piece) -> Result<Value, Problem> {
    whole(piece, 0)
}

/// `/dev/x`, `/dev/x:/dev/y`, `/dev/x:/dev/y:rwm`, `/dev/x:r`.
fn device(piece: &Piece) -> Result<Value, Problem> {
    let parts = piece.parts(':')?;
    let is_mode = |piece: &Piece| {
        piece.text.as_deref().is_some_and(|text| !text.is_empty() && text.chars().all(|c| "rwm".contains(c)))
    };
    let (from, to, mode) = match parts.as_slice() {
        [from] => (from, from, "rwm".to_owned()),
        [from, mode] if is_mode(mode) => (from, from, mode.value()),
        [from, to] => (from, to, "rwm".to_owned()),
        [from, to, mode] if is_mode(mode) => (from, to, mode.value()),
        _ => return Err(piece.problem(format!("`{}` is no device", piece.shown()), DEVICE)),
    };
    if [from, to].into_iter().any(|path| path.text.as_deref().is_some_and(|text| !text.starts_with('/'))) {
        return Err(piece.problem(format!("`{}` is no device", piece.shown()), DEVICE));
    }
    Ok(json!({"PathOnHost": from.value(), "PathInContainer": to.value(), "CgroupPermissions": mode}))
}

const DEVICE: &str = "write a path: /dev/x, /dev/x:/dev/y or /dev/x:/dev/y:r";

/// `nofile=1024`, `nofile=1024:2048`.
fn ulimit(reader: &Reader, piece: &Piece) -> Result<Value, Problem> {
    let (limit, value) = pair(reader, piece)?;
    let numbers = value.parts(':')?;
    let (soft, hard) = match numbers.as_slice() {
        [both] => (both, both),
        [soft, hard] => (soft, hard),
        _ => return Err(piece.problem(format!("`{}` is no limit", piece.shown()), "write nofile=1024:2048")),
    };
    let (soft, hard) = (whole(soft, -1)?, whole(hard, -1)?);
    if let (Some(low), Some(high)) = (soft.as_i64(), hard.as_i64())
        && high != -1
        && (low == -1 || low > high)
    {
        return Err(piece.problem("the soft limit is above the hard limit", "write nofile=SOFT:HARD"));
    }
    Ok(json!({"Name": limit, "Soft": soft, "Hard": hard}))
}
