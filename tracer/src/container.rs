//! Which container a cgroup belongs to.

/// Length of a container's identifier: a SHA-256 in hexadecimal, in every engine that follows Docker's habit.
const ID_LEN: usize = 64;

/// The identifier of the innermost container in a cgroup's path; `None` for what runs in none.
///
/// Engines name a container's cgroup after it: `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`,
/// `libpod-ID.scope`, or, where cgroups are not systemd's, `ID` alone or behind colons. An engine's own monitor (`libpod-conmon-ID.scope`)
/// is not in the container.
#[must_use]
pub fn container_id(cgroup: &str) -> Option<&str> {
    cgroup.rsplit('/').find_map(|name| {
        let name = name.strip_suffix(".scope").unwrap_or(name);
        let (engine, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
        let is_id = id.len() == ID_LEN && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_id && !engine.ends_with("conmon")).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::container_id;

    const ID: &str = "0f3c5e6a7b8c9d0e1f2a3b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8";

    #[test]
    fn every_engine_s_way_to_name_a_cgroup() {
        for path in [
            "/system.slice/docker-ID.scope",
            "/docker/ID",
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a2b.slice/cri-containerd-ID.scope",
            "/kubepods/besteffort/pod6b1e4a52-5f0c-4a5e-9d4e-1f1f6f6b8a3c/ID",
            "/kubepods.slice/kubepods-pod9.slice/crio-ID.scope",
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            "/machine.slice/libpod-ID.scope",
            "/system.slice/containerd.service/kubepods-pod9.slice:cri-containerd:ID",
        ] {
            assert_eq!(container_id(&path.replace("ID", ID)), Some(ID), "{path}");
        }
    }

    #[test]
    fn what_is_no_container_has_none() {
        let capital = ID.to_uppercase();
        for path in [
            "/",
            "/system.slice/nginx.service",
            "/user.slice/user-1000.slice/session-3.scope",
            "/machine.slice/libpod-conmon-ID.scope",
            "/kubepods.slice/crio-conmon-ID.scope",
            "/docker/ID0",
            &format!("/docker/{capital}"),
        ] {
            assert_eq!(container_id(&path.replace("ID", ID)), None, "{path}");
        }
    }

    #[test]
    fn of_nested_containers_the_innermost_counts() {
        let inner = ID.replace('0', "1");
        assert_eq!(container_id(&format!("/docker/{ID}/docker/{inner}")), Some(inner.as_str()));
    }
}
